"""What is published, as a gateway knows it: read once, and then only what is new."""

from __future__ import annotations

import asyncio
import threading

from runfold.events import topics
from runfold.events.definitions import Definitions, StoreRecord
from runfold.processors.definitions.record import fold
from runfold.producers.log.port import LogReader


class Known:
    """The definition store at the end of its topic; what it remembers can be read again."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self._definitions = Definitions()
        self._lock = threading.Lock()

    async def now(self) -> Definitions:
        """Return what is published now; raises LogError where the log does not answer."""
        return await asyncio.to_thread(self._read)

    def _read(self) -> Definitions:
        with self._lock:
            known = self._definitions
            ends = self._reader.ends(topics.REGISTRY)
            if max(ends.values(), default=0) <= known.position:
                return known
            for found in self._reader.read(topics.REGISTRY, {0: known.position}, ends=ends):
                offset = found.place.offset
                if isinstance(found.record, StoreRecord):
                    known, _ = fold(known, found.record, offset)
                elif offset >= known.position:
                    known = known.through(offset + 1)
            self._definitions = known
            return known
