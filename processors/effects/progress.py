"""Notices a consumer that is assigned records and does not receive them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

EndOf = Callable[[int], int]


class Progress:
    """Compares what was read with the partitions' ends whenever nothing came for ``idle_s``.

    Time comes from ``clock``, in seconds. The ends are asked for rarely, since asking blocks.
    """

    def __init__(self, idle_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._idle_s = idle_s
        self._clock = clock
        self._read: dict[int, int] = {}
        self._suspects: dict[int, int] = {}
        self._checked = clock()

    def read(self, partition: int, next_offset: int) -> None:
        """Note how far a partition is read, by a record or by reaching its end."""
        self._read[partition] = next_offset
        self._checked = self._clock()

    def forget(self, partition: int) -> None:
        """Drop a partition that was taken away."""
        self._read.pop(partition, None)
        self._suspects.pop(partition, None)

    def stalled(self, partitions: Iterable[int], end_of: EndOf) -> list[int]:
        """Return the partitions that stood still before their end at two checks in a row."""
        if self._clock() - self._checked < self._idle_s:
            return []
        self._checked = self._clock()
        behind = {}
        for partition in partitions:
            read = self._read.get(partition, -1)
            if end_of(partition) > max(read, 0):
                behind[partition] = read
        stuck = [p for p, read in behind.items() if self._suspects.get(p) == read]
        self._suspects = behind
        return stuck
