"""The registry topic in memory."""

from __future__ import annotations

import threading

from runfold.events.base import Record
from runfold.events.definitions import StoreRecord
from runfold.processors.definitions.source import Arrived


class MemoryDefinitionLog:
    """The registry topic in memory: what is published is read back by every follower of it."""

    def __init__(self) -> None:
        self._records: list[Record | str] = []
        self._came = threading.Condition()

    def publish(self, topic: str, record: Record, key: str) -> int:  # noqa: ARG002 - the port's
        """Append a record and return its offset."""
        return self.append(record)

    def append(self, record: Record | str) -> int:
        """Append a record, or a text in the place of an unreadable one; return its offset."""
        with self._came:
            self._records.append(record)
            self._came.notify_all()
            return len(self._records) - 1

    def reader(self) -> MemoryReader:
        """Return a reader of its own from the beginning."""
        return MemoryReader(self)

    def wait_for(self, offset: int, timeout: float) -> Record | str | None:
        """Return the record at an offset, waiting for it; None after ``timeout`` seconds."""
        with self._came:
            self._came.wait_for(lambda: len(self._records) > offset, timeout)
            return self._records[offset] if len(self._records) > offset else None

    def end(self, timeout: float) -> int:  # noqa: ARG002 - the port's signature
        """Return the offset after the last record."""
        with self._came:
            return len(self._records)


class MemoryReader:
    """Reads a MemoryDefinitionLog as KafkaDefinitionLog reads the topic."""

    def __init__(self, log: MemoryDefinitionLog) -> None:
        self._log = log
        self._next = 0

    def poll(self, timeout: float) -> Arrived | None:
        """Return what comes next within ``timeout`` seconds, or None."""
        found = self._log.wait_for(self._next, timeout)
        if found is None:
            return None
        self._next += 1
        if isinstance(found, StoreRecord):
            return Arrived(self._next, found)
        said = found if isinstance(found, str) else type(found).__name__
        return Arrived(self._next, fault=f"offset {self._next - 1}: {said}")

    def end(self, timeout: float) -> int:
        """Return the offset after the last record."""
        return self._log.end(timeout)

    def close(self) -> None:
        """Do nothing: there is no connection."""
