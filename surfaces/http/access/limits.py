"""The bounds of what a gateway takes, and who has used how much of them. Each process has its own.

A bucket of tokens for each API key bounds its rate, a count what it has under way. What follows for
those who are refused again and again is in ``back_off.py``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from runfold.surfaces.http.access.back_off import BackOff
from runfold.surfaces.http.refusals.problems import Problem

BURST_S = 10.0
"""How many seconds of its rate a key may use at once."""

MOST_REPLAYS = 2
"""How many replays are under way at once: each reads the journal, and has a thread meanwhile."""

_MOST_REMEMBERED = 100_000


@dataclass(frozen=True, slots=True)
class Limits:
    """``rate`` is in requests a second and key; ``idle_s`` the seconds without progress.

    ``held_bytes`` are those of artifacts that come and go at once, of all keys together.
    """

    body_bytes: int = 1_000_000
    depth: int = 64
    headers: int = 100
    path_bytes: int = 8_192
    rate: int = 1_000
    concurrency: int = 256
    listeners: int = 10_000
    idle_s: float = 20.0
    heartbeat_s: float = 10.0
    longest_wait_s: float = 60.0
    artifact_bytes: int = 20_000_000
    held_bytes: int = 256_000_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


@dataclass(slots=True)
class Use:
    """What is used of the limits; to be asked on one event loop."""

    limits: Limits
    elapsed: Callable[[], float] = time.monotonic
    held: int = 0
    views_away_until: float = 0.0
    streams: set[asyncio.Future[None]] = field(default_factory=set)
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _under_way: dict[str, int] = field(default_factory=dict)
    back_off: BackOff = field(default_factory=BackOff)
    _replaying: set[str] = field(default_factory=set)
    _listening: dict[str, int] = field(default_factory=dict)

    def take(self, key_id: str) -> dict[str, str]:
        """Take one request of a key's rate and return the headers that say what is left of it."""
        now, most = self.elapsed(), self.limits.rate * BURST_S
        if len(self._buckets) > _MOST_REMEMBERED:
            self._buckets.clear()
        bucket = self._buckets.setdefault(key_id, _Bucket(most, now))
        bucket.tokens = min(most, bucket.tokens + (now - bucket.at) * self.limits.rate)
        bucket.at = now
        policy = f'"key";q={most:.0f};w={BURST_S:.0f}'
        if bucket.tokens < 1:
            wait = (1 - bucket.tokens) / self.limits.rate
            raise Problem(
                "too_many_requests",
                f"This key makes more than {self.limits.rate} requests a second: wait, or ask for "
                "a higher RUNFOLD_HTTP_RATE.",
                headers={"retry-after": f"{max(1, round(wait))}", "ratelimit-policy": policy},
            )
        bucket.tokens -= 1
        return {"ratelimit-policy": policy, "ratelimit": f'"key";r={bucket.tokens:.0f};t=1'}

    @contextmanager
    def under_way(self, key_id: str) -> Iterator[None]:
        """Have one request of a key under way within the block."""
        count = self._under_way.get(key_id, 0)
        if count >= self.limits.concurrency:
            raise Problem(
                "too_many_requests",
                f"This key has {count} requests under way: wait for one of them.",
                headers={"retry-after": "1"},
            )
        self._under_way[key_id] = count + 1
        try:
            yield
        finally:
            left = self._under_way[key_id] - 1
            if left:
                self._under_way[key_id] = left
            else:
                del self._under_way[key_id]

    @contextmanager
    def replaying(self, tenant_id: str) -> Iterator[None]:
        """Have a replay of a tenant under way within the block, the only one of that tenant."""
        if tenant_id in self._replaying or len(self._replaying) >= MOST_REPLAYS:
            raise Problem(
                "too_busy",
                "A replay is under way here, of yours or of others: wait for its end.",
                headers={"retry-after": "10"},
            )
        self._replaying.add(tenant_id)
        try:
            yield
        finally:
            self._replaying.discard(tenant_id)

    def listen(self, tenant_id: str) -> Callable[[], None]:
        """Open a stream of a tenant's, and return what ends it.

        One tenant leaves a tenth of all streams to the others.
        """
        most, own = self.limits.listeners, self._listening.get(tenant_id, 0)
        if self.listeners >= most or own >= most - most // 10:
            raise Problem(
                "too_busy",
                f"{self.listeners} streams are open here, {own} of them yours: no more may be.",
                headers={"retry-after": "5"},
            )
        self._listening[tenant_id] = own + 1
        return partial(self._unlisten, tenant_id)

    def _unlisten(self, tenant_id: str) -> None:
        self._listening[tenant_id] -= 1
        if not self._listening[tenant_id]:
            del self._listening[tenant_id]

    @property
    def listeners(self) -> int:
        """How many streams are open."""
        return sum(self._listening.values())

    def hold(self, size: int) -> None:
        """Have the bytes of an artifact in memory; ``release`` ends it."""
        if self.held + size > self.limits.held_bytes:
            raise Problem(
                "too_busy",
                "As many bytes of artifacts are on their way here as may be.",
                headers={"retry-after": "2"},
            )
        self.held += size

    def release(self, size: int) -> None:
        """Have them no more."""
        self.held -= size

    def end_streams(self) -> None:
        """End every open stream in order: its listener comes back, and finds another gateway."""
        for stream in tuple(self.streams):
            stream.cancel()
