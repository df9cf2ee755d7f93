"""The log, read committed, decoded and folded, a batch at a time."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaError, KafkaException

from runfold.events.avro.codec import Codec
from runfold.infra.process.stall import Positions
from runfold.producers.errors import UnreadableError, is_fatal
from runfold.producers.log.kafka_tail import KafkaTail
from runfold.producers.log.tail import Portion, RawRecord
from runfold.projections.store.reading.decoding import Found, Later, items_of
from runfold.projections.store.reading.folding import PORTION, Folding
from runfold.projections.store.reading.record_batch import Item, RecordBatch, TopicPartition
from runfold.projections.view import View

_SETTINGS: dict[str, str | int | float | bool] = {
    "enable.partition.eof": False,
    # A position beyond the log's end, after a broker lost its files, must not go unnoticed.
    "auto.offset.reset": "error",
    "group.id": "runfold-projector",
    "log_level": 6,
    "fetch.wait.max.ms": 100,
    "fetch.queue.backoff.ms": 5,
    "fetch.error.backoff.ms": 50,
    "reconnect.backoff.ms": 20,
    "reconnect.backoff.max.ms": 500,
    "queued.min.messages": 20_000,
    "queued.max.messages.kbytes": 65_536,
    # Without it the topics would only be looked up after a second.
    "topic.metadata.refresh.fast.interval.ms": 100,
}

_log = logging.getLogger(__name__)

_LOOK_EVERY_S = 1.0
_LITTLE = 500


@dataclass(frozen=True, slots=True)
class ReaderConfig:
    """How to reach Kafka, and what makes a batch.

    At most ``batch`` records; where few are there, those of the next ``gather_s`` seconds join
    them, so that a view may lag that much behind.
    """

    kafka: Mapping[str, str | int | float | bool]
    batch: int = 1500
    gather_s: float = 0.05


class Reader:
    """Reads partitions from given offsets on; belongs to no consumer group.

    What it reads is folded at once for the views that are given; ``keep`` says that the items
    are needed as well. A partition that can never be read is left out, loudly, and the others go
    on; ``strict`` raises UnreadableError instead.
    ``ends`` are the ends of the partitions as of the last second's fetch, where they are known.
    """

    def __init__(
        self,
        config: ReaderConfig,
        codec: Codec,
        starts: Mapping[TopicPartition, int],
        fold_for: Sequence[View] = (),
        *,
        keep: bool = True,
        strict: bool = False,
    ) -> None:
        self._codec = codec
        self._fold_for = fold_for
        self._keep = keep
        self._most = config.batch
        self._gather_s = config.gather_s
        self._looked = 0.0
        self.ends: dict[TopicPartition, int] = {}
        self._received = dict(starts)
        self._polling = False
        self._tail = KafkaTail(config.kafka, starts, _SETTINGS, aside=None if strict else _say)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the connections."""
        self._tail.close()

    def follow(self, starts: Mapping[TopicPartition, int]) -> None:
        """Read exactly these partitions from now on, from these offsets."""
        self._received = dict(starts)
        self._tail.assign(starts)

    def read(self, wait_s: float) -> RecordBatch:
        """Return what there is, empty after ``wait_s`` seconds without anything.

        Raises RegistryError where a schema registry does not answer; nothing of the batch may
        be used then. Raises KafkaException where reading can never go on.
        """
        self._polling = True
        first = self._tail.take(self._most, wait_s)
        self._polling = False
        self._look()
        records: list[Found] = []
        begins: dict[TopicPartition, int] = {}
        ends: dict[TopicPartition, int] = {}
        for message in self._gather(first):
            topic, partition, offset = message.topic(), message.partition(), message.offset()
            assert topic is not None
            assert partition is not None
            assert offset is not None
            records.append((message, topic, partition, offset))
            place = topic, partition
            if place not in begins:
                begins[place] = offset
            ends[place] = offset + 1
        self._received |= ends
        return self._batch(records, begins, ends)

    def _batch(
        self,
        records: list[Found],
        begins: dict[TopicPartition, int],
        ends: dict[TopicPartition, int],
    ) -> RecordBatch:
        codec = self._codec
        if not self._fold_for:
            return RecordBatch(items_of(records, codec), begins, ends)
        folding, count, kept = Folding(self._fold_for), 0, list[Item]()
        for start in range(0, len(records), PORTION):
            items = items_of(records[start : start + PORTION], codec)
            folding.add(items)
            count += len(items)
            if self._keep:
                kept += items
        again = Later(count, lambda: items_of(records, codec))
        return RecordBatch(kept if self._keep else again, begins, ends, folding.rows)

    def reading(self) -> Positions:
        """Return how far the log was received; nothing while what was read waits for its turn."""
        return self._received if self._polling else {}

    def _gather(self, first: Portion) -> list[RawRecord]:
        """Return what is there; where that is little, what comes within a moment too."""
        _judge(first.faults)
        found = first.records
        if 0 < len(found) < _LITTLE:
            # A transaction for every few events would take the processor from those who act.
            time.sleep(self._gather_s)
            more = self._tail.take(self._most - len(found), 0)
            _judge(more.faults)
            found += more.records
        return found

    def _look(self) -> None:
        """Note the ends of the log; only the thread that polls may ask, any other would hang."""
        now = time.monotonic()
        if now - self._looked < _LOOK_EVERY_S:
            return
        self._looked = now
        self.ends = {**self.ends, **self._tail.known_ends()}


def _say(broken: UnreadableError) -> None:
    _log.critical("the views of a partition stand still: %s", broken)


def _judge(faults: list[KafkaError]) -> None:
    # Everything else heals by itself: librdkafka goes on where it was.
    for error in faults:
        if is_fatal(error) or error.code() in _HOPELESS:
            raise KafkaException(error)


_HOPELESS = {
    KafkaError._AUTO_OFFSET_RESET,  # noqa: SLF001 - confluent's public name for it
    KafkaError.OFFSET_OUT_OF_RANGE,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
}
