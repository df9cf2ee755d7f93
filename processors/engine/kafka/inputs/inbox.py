"""What waits for one incarnation of a lane; another incarnation has another inbox."""

from __future__ import annotations

import queue
import time

from runfold.events.base import Record
from runfold.processors.engine.core.inputs import Lost, NotDone, Received, Returned
from runfold.processors.engine.core.parked_copy import ParkedCopy

Waiting = Received | Returned | NotDone | ParkedCopy | Lost


_BUSY_S = 0.002
_MOMENT_S = 0.001
_MOST_MOMENTS = 5


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

    def take(self, timeout: float, most: int, most_bytes: int, out: int = 0) -> list[Waiting]:
        """Return what is there, waiting up to ``timeout`` seconds for the first.

        At most ``most`` items, and no further one once the values reach ``most_bytes``. It does not
        linger, but where ``out`` calls are expected back and the first item was there at once, as
        it is for a lane that is busy, what comes in the next moments joins it.
        """
        began = time.monotonic()
        try:
            item = self._queue.get(timeout=timeout) if timeout > 0 else self._queue.get_nowait()
        except queue.Empty:
            return []
        if item is not None and out > 1 and time.monotonic() - began < _BUSY_S:
            self._gather(min(out, most) - 1)
        taken: list[Waiting] = []
        size = 0
        while True:
            if item is None:
                return taken
            taken.append(item)
            if isinstance(item, Received):
                size += len(item.value or b"")
            elif isinstance(item, ParkedCopy):
                size += item.size
            if len(taken) >= most or size >= most_bytes:
                return taken
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return taken

    def _gather(self, expected: int) -> None:
        """Wait while more keeps coming, a moment at a time, until so many more items are there.

        What was handed out together comes back one after another, and a transaction costs broker
        and client as much for one result as for ten.
        """
        before = -1
        for _ in range(_MOST_MOMENTS):
            there = self._queue.qsize()
            if there >= expected or there == before:
                return
            before = there
            time.sleep(_MOMENT_S)
