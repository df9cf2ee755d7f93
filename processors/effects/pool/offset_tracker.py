"""Which offset of a partition may be committed: all before it are answered."""

from __future__ import annotations

import threading
from collections import deque


class OffsetTracker:
    """Offsets taken from one assignment of one partition, and those dealt with.

    ``live`` turns False when the partition is taken away; a later assignment has a new tracker.
    Records are done on whichever thread serves the producer's acknowledgements.
    """

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.live = True
        self._lock = threading.Lock()
        self._open: deque[int] = deque()
        self._done: set[int] = set()
        self._next: int | None = None
        self._committed: int | None = None

    def take(self, offset: int) -> None:
        """Note a record as read; offsets rise."""
        with self._lock:
            self._open.append(offset)

    def done(self, offset: int) -> None:
        """Note a record as dealt with: its result is acknowledged by the log."""
        with self._lock:
            self._done.add(offset)
            while self._open and self._open[0] in self._done:
                first = self._open.popleft()
                self._done.remove(first)
                self._next = first + 1

    def to_commit(self) -> int | None:
        """Return the offset to commit if it moved since the last ``committed``, otherwise None."""
        return self._next if self._next != self._committed else None

    def committed(self, offset: int | None) -> None:
        """Note what was committed; None says that a commit failed and is due again."""
        self._committed = offset
