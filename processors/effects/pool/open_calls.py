"""The calls of a pool that are queued or in flight, and the records that asked for them."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from runfold.processors.effects.gate import CallKey
from runfold.processors.effects.pool.offset_tracker import OffsetTracker
from runfold.processors.engine.ports import Wish


@dataclass(frozen=True, slots=True)
class Place:
    """A record: its offset in one assignment of its partition."""

    tracker: OffsetTracker
    offset: int

    def done(self) -> None:
        """Note the record as dealt with."""
        self.tracker.done(self.offset)


class Asked:
    """One call, and the records that ask for it."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.places: list[Place] = []


class OpenCalls:
    """Joins records that ask for the same call and attempt, as happens after a rebalance.

    Shared by the polling thread, which adds, and the effects' thread, which asks what is wanted.
    ``size`` is what the records of all calls have in bytes.
    """

    def __init__(self) -> None:
        self._calls: dict[CallKey, Asked] = {}
        self._lock = threading.Lock()
        self.size = 0

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, key: CallKey, place: Place, size: int = 0) -> Asked | None:
        """Return the call if it is new and must be made; otherwise the record waits with it."""
        with self._lock:
            known = self._calls.get(key)
            asked = known or Asked(size)
            asked.places.append(place)
            if known is not None:
                return None
            self._calls[key] = asked
            self.size += size
            return asked

    def wish(self, key: CallKey, asked: Asked) -> Wish:
        """Return whether the call may begin; if its partitions went elsewhere it is forgotten."""
        with self._lock:
            if any(place.tracker.live for place in asked.places):
                return Wish.BEGIN
            self._forget(key, asked)
            return Wish.DROP

    def answered(self, key: CallKey, asked: Asked) -> list[Place]:
        """Forget the call and return the records that asked for it.

        None, where it was forgotten before: what asks for it now is another life of it.
        """
        with self._lock:
            return asked.places if self._forget(key, asked) else []

    def _forget(self, key: CallKey, asked: Asked) -> bool:
        if self._calls.get(key) is not asked:
            return False
        del self._calls[key]
        self.size -= asked.size
        return True
