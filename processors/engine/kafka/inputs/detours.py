"""Ways around batches of inputs that nobody can read, searched for beside the reading."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from runfold.processors.engine.config import EngineConfig
from runfold.producers.errors import LogError, UnreadableError
from runfold.producers.log.unreadable import end_of_batch

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 1.0


class Detours:
    """Finds where such batches end, each on a thread: the other inputs do not wait for that."""

    def __init__(self, config: EngineConfig, stopping: threading.Event) -> None:
        self._kafka = config.client()
        self._stopping = stopping

    def find(self, broken: UnreadableError, found: Callable[[int], None]) -> None:
        """Call ``found`` with the offset to go on from, however long the brokers are away."""
        logger.critical("inputs: %s", broken)
        threading.Thread(
            target=self._search, args=(broken, found), name="detour", daemon=True
        ).start()

    def _search(self, broken: UnreadableError, found: Callable[[int], None]) -> None:
        while not self._stopping.is_set():
            try:
                end = end_of_batch(self._kafka, broken)
            except LogError as error:
                logger.warning("looking for the end of a batch: %s", error)
                self._stopping.wait(_PAUSE_SECONDS)
            else:
                found(end)
                return
