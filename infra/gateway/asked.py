"""Which requests were made already: the port of idempotency, and its twin in memory.

A requester gives a request a key of its own. The first that comes with it is given a run id; who
comes with it again is told that id, and may ask for the same run once more where nobody knows
whether the first attempt arrived: the same run id twice starts one run.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol


class Asked(NamedTuple):
    """A request by its requester's key; ``scope`` is whose it is, ``digest`` that of its body."""

    scope: str
    key: str
    digest: bytes


class First(NamedTuple):
    """Nobody has made it: make it with this run id."""

    run_id: str


class Again(NamedTuple):
    """Somebody has begun it, and nobody knows whether it arrived: ask for the same run again."""

    run_id: str


class Done(NamedTuple):
    """It was made, and its run is this one."""

    run_id: str


class UnderWay(NamedTuple):
    """Somebody is making it now."""

    run_id: str


class Other(NamedTuple):
    """The key was used for another request."""

    run_id: str


Standing = First | Again | Done | UnderWay | Other


class Lasting(NamedTuple):
    """For how long a request is somebody's, and for how long its key is remembered."""

    lease: timedelta
    kept: timedelta


class AskedStore(Protocol):
    """Remembers requests; every method may raise GatewayTablesError or errors of the database."""

    def begin(self, asked: Asked, run_id: str, now: datetime, lasting: Lasting) -> Standing:
        """Take a request for oneself, with ``run_id`` where nobody has made it."""
        ...

    def done(self, asked: Asked) -> None:
        """Note that it was made."""
        ...

    def undone(self, asked: Asked, *, arrived: bool) -> None:
        """Give it back: it may have ``arrived``, or nobody could ever accept it."""
        ...

    def forget(self, now: datetime) -> int:
        """Forget what is past its time; return how many."""
        ...


@dataclass(frozen=True, slots=True)
class _Row:
    digest: bytes
    run_id: str
    leased_until: datetime
    expires_at: datetime
    done: bool = False


class MemoryAskedStore:
    """Remembers requests for a program's own life."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], _Row] = {}
        self._lock = threading.Lock()

    def begin(self, asked: Asked, run_id: str, now: datetime, lasting: Lasting) -> Standing:
        """Take a request for oneself, with ``run_id`` where nobody has made it."""
        with self._lock:
            row = self._rows.get(asked[:2])
            if row is None or row.expires_at <= now:
                self._rows[asked[:2]] = _Row(
                    asked.digest, run_id, now + lasting.lease, now + lasting.kept
                )
                return First(run_id)
            if row.digest != asked.digest:
                return Other(row.run_id)
            if row.done:
                return Done(row.run_id)
            if row.leased_until > now:
                return UnderWay(row.run_id)
            self._rows[asked[:2]] = replace(row, leased_until=now + lasting.lease)
            return Again(row.run_id)

    def done(self, asked: Asked) -> None:
        """Note that it was made."""
        with self._lock:
            if (row := self._rows.get(asked[:2])) is not None:
                self._rows[asked[:2]] = replace(row, done=True)

    def undone(self, asked: Asked, *, arrived: bool) -> None:
        """Give it back."""
        with self._lock:
            row = self._rows.get(asked[:2])
            if row is None:
                return
            if arrived:
                long_ago = datetime.min.replace(tzinfo=row.leased_until.tzinfo)
                self._rows[asked[:2]] = replace(row, leased_until=long_ago)
            else:
                del self._rows[asked[:2]]

    def forget(self, now: datetime) -> int:
        """Forget what is past its time."""
        with self._lock:
            old = [key for key, row in self._rows.items() if row.expires_at <= now]
            for key in old:
                del self._rows[key]
            return len(old)
