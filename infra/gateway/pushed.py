"""Who is told what becomes of a run, and up to which event they were: the port, and its twin.

Whoever tells somebody takes the row for a while: of many gateways one tells, and another goes on
after it where it ended.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class PushKey(NamedTuple):
    """Which notification it is: of a tenant's run, by a name that is the requester's own."""

    tenant_id: str
    run_id: str
    config_id: str


@dataclass(frozen=True, slots=True)
class PushConfig:
    """Where somebody is told; ``seq`` is the number of the last event that they were told.

    ``token`` and ``credentials`` are secrets of theirs, sent with each notification. ``key_id`` is
    the credential that it was set with, and ``until`` when that expires where it is a token.
    """

    key: PushKey
    user_id: str
    agent: str
    url: str
    created_at: datetime
    token: str = field(default="", repr=False)
    scheme: str = ""
    credentials: str = field(default="", repr=False)
    seq: int = 0
    key_id: str = ""
    until: datetime | None = None


class PushStore(Protocol):
    """Remembers who is told; every method may raise GatewayTablesError or errors of Postgres."""

    def put(self, config: PushConfig) -> None:
        """Keep a config; one of the same key is told at the new place from where it stood."""
        ...

    def of(self, tenant_id: str, run_id: str) -> list[PushConfig]:
        """Return the configs of a run, by name."""
        ...

    def under_way(self, tenant_id: str) -> int:
        """Return how many of a tenant's have not ended."""
        ...

    def delete(self, key: PushKey) -> bool:
        """Forget one, and return whether it was there."""
        ...

    def waiting(self, now: datetime, most: int) -> int:
        """Return how many nobody has, counted up to so many."""
        ...

    def leave(self, owner: str, keys: Iterable[PushKey], now: datetime) -> None:
        """Leave them to whoever takes them next, after all that wait already."""
        ...

    def take(self, owner: str, now: datetime, until: datetime, most: int) -> list[PushConfig]:
        """Take up to so many that nobody has, for as long as said; first what waited longest."""
        ...

    def keep(self, owner: str, keys: Iterable[PushKey], until: datetime) -> set[PushKey]:
        """Have them for longer, and return those that are still this owner's."""
        ...

    def told(self, owner: str, key: PushKey, seq: int) -> bool:
        """Note up to which event somebody was told; False where it is somebody else's by now."""
        ...

    def ended(self, key: PushKey, at: datetime, why: str = "") -> None:
        """Note that nothing more is to be told, and why where there would be more."""
        ...

    def forget(self, before: datetime) -> int:
        """Forget those that ended before a moment; return how many."""
        ...


@dataclass(slots=True)
class _Row:
    config: PushConfig
    owner: str = ""
    until: datetime | None = None
    ended_at: datetime | None = None
    why: str = ""


class MemoryPushStore:
    """Remembers who is told for a program's own life."""

    def __init__(self) -> None:
        self._rows: dict[PushKey, _Row] = {}
        self._lock = threading.Lock()

    def put(self, config: PushConfig) -> None:
        """Keep a config."""
        with self._lock:
            row = self._rows.get(config.key)
            if row is None:
                self._rows[config.key] = _Row(config)
            else:
                row.config = replace(config, seq=row.config.seq, created_at=row.config.created_at)
                row.ended_at, row.why = None, ""

    def of(self, tenant_id: str, run_id: str) -> list[PushConfig]:
        """Return the configs of a run."""
        with self._lock:
            keys = sorted(key for key in self._rows if key[:2] == (tenant_id, run_id))
            return [self._rows[key].config for key in keys]

    def under_way(self, tenant_id: str) -> int:
        """Return how many of a tenant's have not ended."""
        with self._lock:
            own = [row for key, row in self._rows.items() if key.tenant_id == tenant_id]
            return sum(row.ended_at is None for row in own)

    def why(self, key: PushKey) -> str:
        """Return why one ended, empty where it did not, or came to its end."""
        return self._rows[key].why

    def waiting(self, now: datetime, most: int) -> int:
        """Return how many nobody has."""
        with self._lock:
            return min(most, len(self._free(now)))

    def leave(self, owner: str, keys: Iterable[PushKey], now: datetime) -> None:
        """Leave them to whoever takes them next."""
        with self._lock:
            for key in keys:
                row = self._rows.get(key)
                if row is not None and row.owner == owner and row.ended_at is None:
                    row.owner, row.until = "", now

    def _free(self, now: datetime) -> list[_Row]:
        return [
            row
            for row in self._rows.values()
            if row.ended_at is None and (row.until is None or row.until <= now)
        ]

    def delete(self, key: PushKey) -> bool:
        """Forget one."""
        with self._lock:
            return self._rows.pop(key, None) is not None

    def take(self, owner: str, now: datetime, until: datetime, most: int) -> list[PushConfig]:
        """Take up to so many that nobody has."""
        with self._lock:
            free = sorted(self._free(now), key=lambda row: row.until or _NEVER)
            for row in free[:most]:
                row.owner, row.until = owner, until
            return [row.config for row in free[:most]]

    def keep(self, owner: str, keys: Iterable[PushKey], until: datetime) -> set[PushKey]:
        """Have them for longer."""
        kept = set()
        with self._lock:
            for key in keys:
                row = self._rows.get(key)
                if row is not None and row.owner == owner and row.ended_at is None:
                    row.until = until
                    kept.add(key)
        return kept

    def told(self, owner: str, key: PushKey, seq: int) -> bool:
        """Note up to which event somebody was told."""
        with self._lock:
            row = self._rows.get(key)
            if row is None or row.owner != owner:
                return False
            row.config = replace(row.config, seq=max(seq, row.config.seq))
            return True

    def ended(self, key: PushKey, at: datetime, why: str = "") -> None:
        """Note that nothing more is to be told."""
        with self._lock:
            if (row := self._rows.get(key)) is not None:
                row.ended_at, row.why = at, why

    def forget(self, before: datetime) -> int:
        """Forget those that ended."""
        with self._lock:
            old = [k for k, row in self._rows.items() if row.ended_at and row.ended_at < before]
            for key in old:
                del self._rows[key]
            return len(old)
