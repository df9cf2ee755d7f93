"""Simulated time."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

Action = Callable[[], None]


class Clock:
    """Does what is due in order of simulated seconds; what is due at once, in order of asking."""

    def __init__(self) -> None:
        """Begin at 0."""
        self.now = 0.0
        self._due: list[tuple[float, int, Action]] = []
        self._number = itertools.count()

    def after(self, seconds: float, action: Action) -> None:
        """Have something done so much later."""
        heapq.heappush(self._due, (self.now + seconds, next(self._number), action))

    def run(self, until: float) -> None:
        """Do all that is due before a time, and stand there."""
        while self._due and self._due[0][0] < until:
            self.now, _, action = heapq.heappop(self._due)
            action()
        self.now = until
