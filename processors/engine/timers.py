"""The deadlines of a lane's runs, earliest first."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime

from processors.engine.aggregate import Timer
from processors.engine.inputs import Due


class Timers:
    """A heap of deadlines; one that a run has dropped stays in it and is ignored when it is due."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, str, Timer]] = []
        self._count = 0

    def put(self, run_id: str, timer: Timer | None) -> None:
        """Note a run's earliest deadline, if it has one."""
        if timer is not None:
            self._count += 1
            heapq.heappush(self._heap, (timer.due, self._count, run_id, timer))

    def due(self, now: datetime, most: int) -> Iterator[Due]:
        """Take out up to ``most`` deadlines that have passed."""
        while self._heap and self._heap[0][0] <= now and most > 0:
            _, _, run_id, timer = heapq.heappop(self._heap)
            most -= 1
            yield Due(run_id, timer)

    def seconds_left(self, now: datetime) -> float | None:
        """Return the seconds until the next deadline, not below 0; None if there is none."""
        if not self._heap:
            return None
        return max(0.0, (self._heap[0][0] - now).total_seconds())
