"""The log, read committed and decoded once, a stretch at a time."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from events.avro.codec import Codec
from events.errors import WireError
from events.journal import Event
from events.operations import DeadLetter
from producers.errors import is_fatal
from producers.stall import Positions
from projections.stretch import Item, Stretch
from projections.view import Letter, Placed, Unreadable

_SETTINGS: dict[str, str | int | float | bool] = {
    "isolation.level": "read_committed",
    "enable.auto.commit": False,
    # A position beyond the log's end, after a broker lost its files, must not go unnoticed.
    "auto.offset.reset": "error",
    "group.id": "runfold-projector",
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

_LOOK_EVERY_S = 1.0
_LITTLE = 500


@dataclass(frozen=True, slots=True)
class ReaderConfig:
    """How to reach Kafka, and what makes a stretch.

    At most ``stretch`` records; where few are there, those of the next ``gather_s`` seconds join
    them, so that a view may lag that much behind.
    """

    kafka: Mapping[str, str | int | float | bool]
    stretch: int = 1500
    gather_s: float = 0.05


class Reader:
    """Reads partitions from given offsets on; belongs to no consumer group.

    ``ends`` are the ends of the partitions as of the last second's fetch, where they are known.
    """

    def __init__(
        self, config: ReaderConfig, codec: Codec, starts: Mapping[tuple[str, int], int]
    ) -> None:
        self._codec = codec
        self._most = config.stretch
        self._gather_s = config.gather_s
        self._looked = 0.0
        self.ends: dict[tuple[str, int], int] = {}
        self._received = dict(starts)
        self._polling = False
        # The placement of keys is a producer's matter, and a consumer complains of it.
        shared = {name: value for name, value in config.kafka.items() if name != "partitioner"}
        self._consumer = Consumer({**shared, **_SETTINGS})
        self._places = [TopicPartition(topic, n, at) for (topic, n), at in starts.items()]
        self._consumer.assign(self._places)

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
        """Let the connections go."""
        self._consumer.close()

    def read(self, wait_s: float) -> Stretch:
        """Return what there is, empty after ``wait_s`` seconds without anything.

        Raises RegistryError where a schema registry does not answer; nothing of the stretch may
        be used then. Raises KafkaException where reading can never go on.
        """
        self._polling = True
        first = self._consumer.poll(wait_s)
        self._polling = False
        self._look()
        items: list[Item] = []
        begins: dict[tuple[str, int], int] = {}
        ends: dict[tuple[str, int], int] = {}
        for message in self._gather(first) if first else []:
            if (error := message.error()) is not None:
                _judge(error)
                continue
            topic, partition, offset = message.topic(), message.partition(), message.offset()
            assert topic is not None
            assert partition is not None
            assert offset is not None
            begins.setdefault((topic, partition), offset)
            ends[topic, partition] = offset + 1
            item = self._item(message, topic, partition, offset)
            if item is not None:
                items.append(item)
        self._received |= ends
        return Stretch(items, begins, ends)

    def reading(self) -> Positions:
        """Return how far the log was received; nothing while what was read waits for its turn."""
        return self._received if self._polling else {}

    def _gather(self, first: Message) -> list[Message]:
        """Return what is there; where that is little, what comes within a moment too."""
        # poll() and then what is there already: consume(n, t) would always wait t.
        found = [first, *self._consumer.consume(self._most - 1, 0)]
        if len(found) < _LITTLE:
            # A transaction for every few events would take the processor from those who act.
            time.sleep(self._gather_s)
            found += self._consumer.consume(self._most - len(found), 0)
        return found

    def _look(self) -> None:
        """Note the ends of the log; only the thread that polls may ask, any other would hang."""
        now = time.monotonic()
        if now - self._looked < _LOOK_EVERY_S:
            return
        self._looked = now
        for place in self._places:
            known: tuple[int, int] | None = self._consumer.get_watermark_offsets(place, cached=True)
            if known is not None and known[1] >= 0:
                self.ends = {**self.ends, (place.topic, place.partition): known[1]}

    def _item(self, message: Message, topic: str, partition: int, offset: int) -> Item | None:
        value = message.value() or b""
        try:
            body = self._codec.decode(topic, value)
        except WireError as error:
            at = datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)
            return Unreadable(error, topic, partition, offset, at, _key(message), value)
        match body:
            case Event(meta, fact):
                digest = hashlib.sha256(value).hexdigest()
                return Placed(meta, fact, partition, offset, digest)
            case DeadLetter():
                return Letter(body, partition, offset)
            case _:
                # A PositionNoted belongs to no run.
                return None


def _key(message: Message) -> bytes | None:
    key: bytes | str | None = message.key()
    return key.encode() if isinstance(key, str) else key


def _judge(error: KafkaError) -> None:
    # Everything else heals by itself: librdkafka goes on where it was.
    if is_fatal(error) or error.code() in _HOPELESS:
        raise KafkaException(error)


_HOPELESS = {
    KafkaError._AUTO_OFFSET_RESET,  # noqa: SLF001 - confluent's public name for it
    KafkaError.OFFSET_OUT_OF_RANGE,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
}
