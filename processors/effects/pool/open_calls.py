"""The calls of a pool that are queued or in flight, and the records that asked for them."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from runfold.processors.effects.pool.offset_tracker import OffsetTracker

CallKey = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Place:
    """A record: its offset in one assignment of its partition."""

    tracker: OffsetTracker
    offset: int

    def done(self) -> None:
        """Note the record as dealt with."""
        self.tracker.done(self.offset)


class OpenCalls:
    """Joins records that ask for the same call and attempt, as happens after a rebalance.

    Shared by the polling thread, which adds, and the effects' thread, which asks what is wanted.
    """

    def __init__(self) -> None:
        self._places: dict[CallKey, list[Place]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._places)

    def add(self, key: CallKey, place: Place) -> bool:
        """Return whether the call is new and must be made; otherwise the record waits with it."""
        with self._lock:
            places = self._places.setdefault(key, [])
            places.append(place)
            return len(places) == 1

    def wanted(self, key: CallKey) -> bool:
        """Return whether the call may start; if its partitions went elsewhere it is forgotten."""
        with self._lock:
            if any(place.tracker.live for place in self._places.get(key, ())):
                return True
            self._places.pop(key, None)
            return False

    def answered(self, key: CallKey) -> list[Place]:
        """Forget the call and return the records that asked for it."""
        with self._lock:
            return self._places.pop(key, [])
