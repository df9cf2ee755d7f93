"""Events of the journal by their places: those of a moment ago from memory, others from the log."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Protocol

from runfold.events.topics import EVENTS
from runfold.producers.errors import UnavailableError
from runfold.producers.log.kafka_tail import KafkaTail
from runfold.producers.log.tail import Place, in_range


class Recent(Protocol):
    """Values of the journal by partition and offset."""

    def keep(self, partition: int, offset: int, value: bytes) -> None:
        """Remember a value for a while."""
        ...

    def value(self, partition: int, offset: int) -> bytes | None:
        """Return a value, None where the log does not have it any more; may read the log."""
        ...


class RecentOnKafka:
    """Remembers up to ``most_bytes``; what is not remembered is read, within seconds or not."""

    def __init__(
        self, kafka: Mapping[str, str | int | float | bool], most_bytes: int = 32_000_000
    ) -> None:
        self._kafka, self._most = kafka, most_bytes
        self._held: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._bytes = 0

    def keep(self, partition: int, offset: int, value: bytes) -> None:
        """Remember a value, and forget the oldest ones."""
        self._held[partition, offset] = value
        self._bytes += len(value)
        while self._bytes > self._most and self._held:
            _, old = self._held.popitem(last=False)
            self._bytes -= len(old)

    def value(self, partition: int, offset: int) -> bytes | None:
        """Return a value; raises UnavailableError where the log does not answer."""
        known = self._held.get((partition, offset))
        return known if known is not None else self._read((EVENTS, partition), offset)

    def _read(self, place: Place, offset: int) -> bytes | None:
        tail = KafkaTail(self._kafka, lookup_s=5.0)
        try:
            for batch in in_range(tail, {place: offset}, {place: offset + 1}, silent_s=10.0):
                for record in batch:
                    if record.offset() == offset:
                        return record.value()
        finally:
            tail.close()
        return None


__all__ = ["Recent", "RecentOnKafka", "UnavailableError"]
