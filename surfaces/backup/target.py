"""The topics that a back-up is restored into: made, filled to the right offsets, and read back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import islice

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from runfold.events.topics import MAX_RECORD_BYTES, TOPICS
from runfold.infra.kafka import clients
from runfold.producers.errors import translated
from runfold.producers.log.consumers import Settings, admin_of, shared
from runfold.producers.log.kafka_tail import KafkaEnds, KafkaTail
from runfold.producers.log.tail import BEGINNING, Place, in_range
from runfold.surfaces.backup.errors import BackupError, NotEmptyError
from runfold.surfaces.backup.records import Kept, kept

_ANSWER_S = 20.0
_FLUSH_S = 120.0
_OWN: Settings = {"fetch.message.max.bytes": 4_000_000, "queued.min.messages": 20_000}

Filler = Callable[[int], Kept]
"""Makes the record that stands at an offset where none of the back-up does."""


def need_empty(kafka: Settings) -> None:
    """Raise NotEmptyError where a topic of ours has ever held a record."""
    there = admin_of(kafka).list_topics(timeout=_ANSWER_S).topics
    ends = KafkaEnds(kafka)
    for topic in TOPICS:
        if topic.name not in there:
            continue
        for (name, partition), end in ends.high(ends.places(topic.name)).items():
            if end > 0:
                raise NotEmptyError(
                    f"The topic {name} holds records (partition {partition} ends at {end}): "
                    "restore into a cluster without these topics, or under another name "
                    "(RUNFOLD_DEPLOYMENT). Those of a restore that did "
                    "not finish must be deleted first, with what it wrote to the database."
                )


class Target:
    """Writes records to the places of topics, each at its offset."""

    def __init__(self, kafka: Settings) -> None:
        self._kafka = kafka
        self._ends = KafkaEnds(kafka)
        self._fault: KafkaError | None = None
        self._producer = clients.producer(
            {
                **shared(kafka),
                "enable.idempotence": True,
                "acks": "all",
                "compression.type": "lz4",
                "linger.ms": 20,
                "queue.buffering.max.messages": 200_000,
                "message.max.bytes": MAX_RECORD_BYTES,
                "log_level": 0,
                "on_delivery": self._delivered,
            }
        )

    def write(
        self, place: Place, found: Iterable[Kept], fill: Filler, first: int = 0, end: int = 0
    ) -> int:
        """Write records at their offsets, and fillers wherever none stands, up to ``end``.

        What is before ``first`` is deleted again. Returns how many records were written. Raises
        BackupError and LogError.
        """
        at, count = 0, 0
        for each in found:
            at = self._fill(place, at, each.offset, fill)
            self._put(place, each)
            at, count = at + 1, count + 1
        at = self._fill(place, at, max(end, first), fill)
        self.flush()
        self._need_end(place, at)
        if first:
            self._hide(place, first)
        return count

    def append(self, place: Place, each: Kept) -> None:
        """Write one record at the end of a place; ``flush`` makes sure of it."""
        self._put(place, each)

    def flush(self) -> None:
        """Wait until everything stands; raises BackupError where something does not."""
        left = self._producer.flush(_FLUSH_S)
        if self._fault is not None:
            raise translated(self._fault, "restoring records")
        if left:
            raise BackupError(f"{left} records were not acknowledged in {_FLUSH_S:.0f} s.")

    def check(self, place: Place, meant: Iterable[Kept], end: int) -> None:
        """Raise BackupError where a place does not hold what it should, read back."""
        found = self._read(place, end)
        for each in meant:
            for there in found:
                if there.offset >= each.offset:
                    break
            else:
                raise BackupError(f"{place[0]}/{place[1]} lacks the record {each.offset}.")
            if there != each:
                raise BackupError(
                    f"{place[0]}/{place[1]} holds another record at {each.offset} than it should "
                    f"({_difference(each, there)}): does somebody else write there?"
                )

    def set(self, topic: str, setting: str, value: str) -> None:
        """Set one setting of a topic; raises LogError."""
        self._alter(topic, ConfigEntry(setting, value, incremental_operation=AlterConfigOpType.SET))

    def unset(self, topic: str, setting: str) -> None:
        """Leave one setting of a topic to the broker again; raises LogError."""
        operation = AlterConfigOpType.DELETE
        self._alter(topic, ConfigEntry(setting, None, incremental_operation=operation))

    def _alter(self, topic: str, entry: ConfigEntry) -> None:
        change = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
        admin = admin_of(self._kafka)
        try:
            for future in admin.incremental_alter_configs([change]).values():
                future.result()
        except KafkaException as error:
            raise translated(error, f"setting {entry.name} of {topic}") from error

    def _fill(self, place: Place, at: int, until: int, fill: Filler) -> int:
        while at < until:
            self._put(place, fill(at))
            at += 1
        return at

    def _put(self, place: Place, each: Kept) -> None:
        while True:
            try:
                self._producer.produce(
                    place[0],
                    each.value,
                    each.key,
                    place[1],
                    timestamp=each.time_ms,
                    headers=list(each.headers),
                )
            except BufferError:
                self._producer.poll(0.1)
            except KafkaException as error:
                raise translated(error, f"restoring {place[0]}/{place[1]}") from error
            else:
                break
        self._producer.poll(0)
        if self._fault is not None:
            raise translated(self._fault, f"restoring {place[0]}/{place[1]}")

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        self._fault = self._fault or error

    def _need_end(self, place: Place, end: int) -> None:
        found = self._ends.high([place])[place]
        if found != end:
            raise BackupError(
                f"{place[0]}/{place[1]} ends at {found} and should end at {end}: somebody else "
                "writes there. Stop every process of Runfold, delete its topics, and begin again."
            )

    def _hide(self, place: Place, first: int) -> None:
        admin = admin_of(self._kafka)
        try:
            for future in admin.delete_records([TopicPartition(*place, first)]).values():
                future.result()
        except KafkaException as error:
            raise translated(error, f"deleting what fills {place[0]}/{place[1]}") from error

    def _read(self, place: Place, end: int) -> Iterator[Kept]:
        with closing(KafkaTail(self._kafka, own=_OWN, lookup_s=2)) as tail:
            for batch in in_range(tail, {place: BEGINNING}, {place: end}):
                yield from map(kept, batch)


def _difference(meant: Kept, found: Kept) -> str:
    names = [name for name in meant._fields if getattr(meant, name) != getattr(found, name)]
    return ", ".join(islice(names, 3))
