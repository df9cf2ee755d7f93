"""The definitions as they are now, for what renders often: only what is new is read."""

from __future__ import annotations

import threading

from runfold.events import topics
from runfold.events.definitions import Definitions, StoreRecord
from runfold.processors.definitions.record import fold
from runfold.producers.log.port import LogReader, Start


class KnownDefinitions:
    """Remembers what was read of ``registry``; safe from any thread."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self._known = Definitions()
        self._lock = threading.Lock()

    def now(self) -> Definitions:
        """Return the definitions with everything that is published now; raises LogError."""
        with self._lock:
            known = self._known
            begin: Start = {0: known.position} if known.position else "earliest"
            for found in self._reader.read(topics.REGISTRY, begin):
                offset = found.place.offset
                if offset < known.position:
                    continue
                if isinstance(found.record, StoreRecord):
                    known, _ = fold(known, found.record, offset)
                else:
                    known = known.through(offset + 1)
            self._known = known
            return known
