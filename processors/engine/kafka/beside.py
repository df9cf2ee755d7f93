"""The lanes of a second kind of aggregate in one process, opened when they are first needed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Generic

from runfold.infra.process.stall import Positions
from runfold.infra.process.watchdog import EXIT_STUCK
from runfold.processors.engine.aggregate import S
from runfold.processors.engine.kafka.runner import Engine

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.2


class Beside(Generic[S]):
    """Runs an engine on a thread of its own from when ``needed`` says so until ``stop``.

    Whatever ends it otherwise is told to ``fail``, with an exit code for the process.
    """

    def __init__(
        self,
        make: Callable[[], Engine[S]],
        needed: Callable[[], bool],
        fail: Callable[[str, int], None],
    ) -> None:
        self._make = make
        self._needed = needed
        self._fail = fail
        self._stopping = threading.Event()
        self._engine: Engine[S] | None = None
        self._thread = threading.Thread(target=self._work, name="beside", daemon=True)

    def start(self) -> None:
        """Begin to look whether the lanes are needed."""
        self._thread.start()

    def stop(self) -> None:
        """Have the lanes end, and wait for them."""
        self._stopping.set()
        if self._engine is not None:
            self._engine.stop()
        self._thread.join()

    def reading(self) -> Positions:
        """Return how far the inputs that are read now were received."""
        return {} if self._engine is None else self._engine.reading()

    def _work(self) -> None:
        try:
            while not self._needed():
                if self._stopping.wait(_LOOK_SECONDS):
                    return
            self._engine = self._make()
            if self._stopping.is_set():
                self._engine.stop()
            code = self._engine.run()
        except Exception as bug:
            logger.exception("the lanes of another kind of aggregate have ended")
            self._fail(f"{type(bug).__name__}: {bug}", EXIT_STUCK)
            return
        if code != 0 or not self._stopping.is_set():
            self._fail("the lanes of another kind of aggregate have ended", code)
