"""Who is refused again and again, and what follows: their refusals cost them time, and no others.

Refusals are counted by address, by key, by both together, and by key for what it does not grant.
From some number on a refusal is answered 429 with a time that grows, and is on record. **Whoever
presents a right key is let in whatever was refused before**: who knows somebody's key id, or stands
behind the same proxy, can hold up nobody. What such an address costs is bounded instead: its
keys are looked up one after another. Counts are of one process, and bounded in memory.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from runfold.surfaces.http.metrics import BACK_OFFS
from runfold.surfaces.http.refusals.problems import Problem

ADDRESS: Final = "address"
KEY: Final = "key"
PAIR: Final = "key_and_address"
GRANT: Final = "grant"

FREE: Final = {ADDRESS: 30, KEY: 30, PAIR: 5, GRANT: 30}
"""How many refusals of each kind cost nothing."""

LONGEST_S: Final = 300.0
FORGOTTEN_S: Final = 900.0
"""After so long without a refusal there was none."""

MOST_REMEMBERED: Final = 20_000
_MOST_WAITING = 32
_LINES_A_MINUTE = 20

_log = logging.getLogger("runfold.gateway")


@dataclass(slots=True)
class _Count:
    times: int = 0
    last: float = 0.0
    until: float = 0.0


@dataclass(slots=True)
class _Lane:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


@dataclass(slots=True)
class BackOff:
    """Counts refusals; to be asked on one event loop."""

    elapsed: Callable[[], float] = time.monotonic
    most: int = MOST_REMEMBERED
    _counts: OrderedDict[tuple[str, str], _Count] = field(default_factory=OrderedDict)
    _lanes: dict[str, _Lane] = field(default_factory=dict)
    _lines: list[float] = field(default_factory=list)

    def refused(self, **by: str) -> float:
        """Count a refusal by each of these; return the seconds to wait, 0 while it is free.

        The names are those of ``FREE``. A refusal within the time of another costs nothing more.
        """
        return max((self._count(kind, who, by) for kind, who in by.items() if who), default=0.0)

    def is_held_up(self, kind: str, who: str) -> bool:
        """Whether refusals of somebody cost time now."""
        found = self._counts.get((kind, who))
        return found is not None and found.until > self.elapsed()

    def let_in(self, address: str, key_id: str) -> None:
        """Forget the refusals of a key from an address: whoever has it mistyped it before."""
        self._counts.pop((PAIR, pair(address, key_id)), None)

    @asynccontextmanager
    async def lane(self, address: str) -> AsyncIterator[None]:
        """Look up the keys of an address that is held up one after another; of others at once."""
        if not self.is_held_up(ADDRESS, address):
            yield
            return
        lane = self._lanes.setdefault(address, _Lane())
        if lane.waiting >= _MOST_WAITING:
            raise too_often(1.0)
        lane.waiting += 1
        try:
            async with lane.lock:
                yield
        finally:
            lane.waiting -= 1
            if not lane.waiting:
                self._lanes.pop(address, None)

    def _count(self, kind: str, who: str, by: dict[str, str]) -> float:
        now = self.elapsed()
        found = self._counts.get((kind, who))
        if found is None or now - max(found.last, found.until) > FORGOTTEN_S:
            found = self._counts[kind, who] = _Count()
        self._counts.move_to_end((kind, who))
        while len(self._counts) > self.most:
            self._counts.popitem(last=False)
        found.last = now
        if found.until > now:
            return found.until - now
        found.times += 1
        over = found.times - FREE[kind]
        if over <= 0:
            return 0.0
        wait = min(LONGEST_S, 2.0 ** min(over, 10))
        found.until = now + wait
        BACK_OFFS(kind).inc()
        self._tell(kind, by, found.times, wait)
        return wait

    def _tell(self, kind: str, by: dict[str, str], times: int, wait: float) -> None:
        """Say it in the log, so many times a minute: strangers choose how often it happens."""
        now = self.elapsed()
        self._lines[:] = [at for at in self._lines if now - at < 60]
        if len(self._lines) >= _LINES_A_MINUTE:
            return
        self._lines.append(now)
        _log.warning(
            "refused again and again, by %s",
            kind,
            extra={
                "address": by.get(ADDRESS, ""),
                "key": by.get(KEY) or by.get(GRANT, ""),
                "times": times,
                "wait_s": round(wait),
            },
        )


def too_often(wait: float) -> Problem:
    """Return the refusal of somebody who was refused too often."""
    return Problem(
        "refused_too_often",
        "Too many requests were refused. One with a key that is in force, and for what it grants, "
        "is served at once; this one was not.",
        headers={"retry-after": f"{max(1, round(wait))}"},
    )


def pair(address: str, key_id: str) -> str:
    """Return the name of a key from an address."""
    return f"{address} {key_id}"


def network_of(address: str) -> str:
    """Return what stands for whoever has an address: of IPv6 the /64, which one host may have."""
    try:
        place = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:100]
    if isinstance(place, ipaddress.IPv6Address):
        if place.ipv4_mapped is not None:
            return str(place.ipv4_mapped)
        return str(ipaddress.ip_network((place, 64), strict=False))
    return str(place)
