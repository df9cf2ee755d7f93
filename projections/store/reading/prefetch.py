"""Reading ahead: the next batch is decoded while Postgres works on this one."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from runfold.projections.store.reading.record_batch import RecordBatch


class Prefetch:
    """Calls ``read`` on a thread of its own, at most one batch ahead."""

    def __init__(self, read: Callable[[], RecordBatch]) -> None:
        self._read = read
        self._ready: queue.Queue[RecordBatch | Exception] = queue.Queue(maxsize=1)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="projector-reader", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def next(self, wait_s: float) -> RecordBatch | None:
        """Return the next batch that is not empty, None after ``wait_s`` seconds.

        Raises what reading raised.
        """
        try:
            found = self._ready.get(timeout=wait_s)
        except queue.Empty:
            return None
        if isinstance(found, Exception):
            raise found
        return found

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                found = self._read()
            except Exception as error:  # noqa: BLE001 - it is raised again in next()
                self._hand_over(error)
                return
            if found.ends:
                self._hand_over(found)

    def _hand_over(self, found: RecordBatch | Exception) -> None:
        while not self._stopping.is_set():
            try:
                self._ready.put(found, timeout=0.1)
            except queue.Full:
                continue
            return
