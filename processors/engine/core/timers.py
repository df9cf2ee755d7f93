"""The deadlines of what is live in a lane, earliest first."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime

from runfold.processors.engine.aggregate import Timer
from runfold.processors.engine.core.inputs import Due

_SPARE = 1000


class Timers:
    """A heap with the one deadline that each aggregate has; ``len`` is what the heap holds.

    One that was dropped stays in the heap until its turn comes, or until most of what is there was
    dropped: there may be a new deadline with every step, and the old ones may be hours away.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, str, Timer]] = []
        self._wanted: dict[str, Timer] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, key: str, timer: Timer | None) -> None:
        """Note a key's earliest deadline in place of the one before; None where it has none."""
        if timer is None:
            self._wanted.pop(key, None)
        elif self._wanted.get(key) != timer:
            self._wanted[key] = timer
            self._push(key, timer)
        if len(self._heap) > 2 * len(self._wanted) + _SPARE:
            self._heap.clear()
            for wanting, wanted in self._wanted.items():
                self._push(wanting, wanted)

    def due(self, now: datetime, most: int) -> Iterator[Due]:
        """Take out up to ``most`` deadlines that have passed."""
        while most > 0 and (left := self.seconds_left(now)) is not None and left <= 0:
            _, _, key, timer = heapq.heappop(self._heap)
            del self._wanted[key]
            most -= 1
            yield Due(key, timer)

    def seconds_left(self, now: datetime) -> float | None:
        """Return the seconds until the next deadline, not below 0; None if there is none."""
        while self._heap and self._wanted.get(self._heap[0][2]) is not self._heap[0][3]:
            heapq.heappop(self._heap)
        if not self._heap:
            return None
        return max(0.0, (self._heap[0][0] - now).total_seconds())

    def _push(self, key: str, timer: Timer) -> None:
        self._count += 1
        heapq.heappush(self._heap, (timer.due, self._count, key, timer))
