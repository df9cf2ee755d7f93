"""What waits for one incarnation of a lane; another incarnation has another inbox."""

from __future__ import annotations

import queue

from events.base import Record
from processors.engine.inputs import Received, Returned
from processors.engine.parked_copy import ParkedCopy

Waiting = Received | Returned | ParkedCopy


class Inbox:
    """A queue that any thread may put into; after ``close`` nothing in it matters any more."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._open = True

    def is_open(self) -> bool:
        """Whether the incarnation still lives."""
        return self._open

    def put(self, item: Waiting) -> None:
        """Add something to take."""
        self._queue.put(item)

    def deliver(self, record: Record) -> None:
        """Add a result that came through memory."""
        self._queue.put(Returned(record))

    def close(self) -> None:
        """Say that nobody will take any more."""
        self._open = False

    def wake(self) -> None:
        """Make a waiting ``take`` return."""
        self._queue.put(None)

    def __len__(self) -> int:
        return self._queue.qsize()

    def take(self, timeout: float, most: int, most_bytes: int) -> list[Waiting]:
        """Return what is there, waiting up to ``timeout`` seconds for the first, never lingering.

        At most ``most`` items, and no further one once the values reach ``most_bytes``.
        """
        try:
            item = self._queue.get(timeout=timeout) if timeout > 0 else self._queue.get_nowait()
        except queue.Empty:
            return []
        taken: list[Waiting] = []
        size = 0
        while True:
            if item is None:
                return taken
            taken.append(item)
            if isinstance(item, Received):
                size += len(item.value or b"")
            if len(taken) >= most or size >= most_bytes:
                return taken
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return taken
