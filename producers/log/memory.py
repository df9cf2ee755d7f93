"""The log in memory: topics, partitions, offsets and append times, for tests and trials."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from runfold.events.avro.codec import Codec
from runfold.events.base import Record
from runfold.events.run import Event
from runfold.events.topics import EVENTS, WHOLE
from runfold.producers.errors import NoTopicError
from runfold.producers.log.delivery import delivered
from runfold.producers.log.envelope import headers_of, value_of
from runfold.producers.log.partitioner import partition_for
from runfold.producers.log.port import Delivery, Headers, Only, RecordPlace, Start, Until

_WAKE_S = 0.05


class MemoryLog:
    """Writer and reader in one; everything is gone with the process."""

    def __init__(self, codec: Codec, topics: Sequence[str], partitions: int = 4) -> None:
        self._codec = codec
        self._held: dict[str, list[list[Delivery]]] = {
            topic: [[] for _ in range(1 if topic in WHOLE else partitions)] for topic in topics
        }
        self._grown = threading.Condition()

    def publish(self, topic: str, record: Record, key: str, headers: Headers = ()) -> RecordPlace:
        """Return where the record was appended."""
        return self.publish_all(topic, [(record, key)], headers)[0]

    def publish_all(
        self, topic: str, records: Sequence[tuple[Record, str]], headers: Headers = ()
    ) -> list[RecordPlace]:
        """Return where the records were appended."""
        values = [value_of(self._codec, topic, record) for record, _ in records]
        return [
            self.append(
                topic, value, key.encode(), [*headers_of(record, key, "runfold/memory"), *headers]
            )
            for value, (record, key) in zip(values, records, strict=True)
        ]

    def drop(self, topic: str, keys: Sequence[str]) -> None:
        """Append a tombstone for each key."""
        for key in keys:
            self.append(topic, None, key.encode())

    def append(
        self,
        topic: str,
        value: bytes | None,
        key: bytes,
        headers: Sequence[tuple[str, bytes | None]] = (),
        appended_at: datetime | None = None,
    ) -> RecordPlace:
        """Return where any bytes were appended, sound or not, as of now or of another time."""
        with self._grown:
            partitions = self._partitions(topic)
            number = partition_for(key, len(partitions))
            at = appended_at or datetime.now(UTC)
            place = RecordPlace(topic, number, len(partitions[number]), at)
            partitions[number].append(Delivery(place, key, value, tuple(headers), at))
            self._grown.notify_all()
        return place

    def append_event(self, event: Event, topic: str) -> RecordPlace:
        """Return where an event was appended, as a run processor would have done it."""
        encode = self._codec.encode_event
        if topic != EVENTS:
            encode = self._codec.encode_completion
        return self.append(topic, encode(event.meta, event.fact), event.meta.run_id.encode())

    def read(
        self,
        topic: str,
        start: Start = "earliest",
        *,
        key: str | None = None,
        follow: bool = False,
        until: Until | None = None,
        only: Only | None = None,
        ends: Mapping[int, int] | None = None,
    ) -> Iterator[Delivery]:
        """Yield a topic's records, as every log reader does."""
        wanted = None if key is None else key.encode()
        with self._grown:
            held = self._partitions(topic)
            chosen = range(len(held)) if wanted is None else [partition_for(wanted, len(held))]
            positions = {number: _first(held[number], start, number) for number in chosen}
            last = {n: len(held[n]) if ends is None else ends.get(n, 0) for n in chosen}
        while until is None or not until():
            fresh: list[Delivery] = []
            for number, position in positions.items():
                fresh += held[number][position : None if follow else last[number]]
            for found in fresh:
                positions[found.place.partition] = found.place.offset + 1
                if (wanted is None or found.key == wanted) and (only is None or only(found)):
                    yield delivered(self._codec, found)
            if not fresh and not follow:
                return
            with self._grown:
                if not fresh:
                    self._grown.wait(_WAKE_S)

    def begins(self, topic: str) -> Mapping[int, int]:
        """Return where each partition begins: nothing is ever deleted here."""
        return dict.fromkeys(self.ends(topic), 0)

    def ends(self, topic: str) -> Mapping[int, int]:
        """Return where each partition ends."""
        with self._grown:
            return {number: len(held) for number, held in enumerate(self._partitions(topic))}

    def held(self, topic: str, partition: int) -> list[Delivery]:
        """Return the records of a place as they grow, for MemoryTail and MemoryEnds."""
        return self._partitions(topic)[partition]

    def _partitions(self, topic: str) -> list[list[Delivery]]:
        if topic not in self._held:
            raise NoTopicError(f"There is no topic {topic}; create it first.")
        return self._held[topic]


def _first(held: list[Delivery], start: Start, partition: int) -> int:
    if start == "earliest":
        return 0
    if start == "latest":
        return len(held)
    if isinstance(start, datetime):
        return next((i for i, each in enumerate(held) if each.appended_at >= start), len(held))
    return start.get(partition, 0)
