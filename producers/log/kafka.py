"""The log port on Kafka: a publisher that waits until it is durable, a reader without a group."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from runfold.events.avro.codec import Codec
from runfold.events.base import Record
from runfold.events.topics import MAX_RECORD_BYTES
from runfold.producers.errors import LogError, RefusedError, UnavailableError, translated
from runfold.producers.log.delivery import delivered
from runfold.producers.log.envelope import headers_of, value_of
from runfold.producers.log.kafka_tail import TAIL, consumer_of, is_end
from runfold.producers.log.partitioner import partition_for
from runfold.producers.log.port import Delivery, Only, RecordPlace, Start, Until

_POLL_S = 0.1
_WAIT_S = 10.0
_STALL_S = 30.0


class Publisher:
    """An idempotent producer whose acknowledgements mean durable; any thread may use it."""

    def __init__(
        self,
        config: Mapping[str, str | int | float],
        codec: Codec,
        source: str = "runfold/client",
        timeout: float = 30.0,
    ) -> None:
        self._codec = codec
        self._source = source
        self._producer = Producer(
            {
                **config,
                "enable.idempotence": True,
                "acks": "all",
                "partitioner": "murmur2_random",
                "compression.type": "lz4",
                "linger.ms": 0,
                "message.max.bytes": MAX_RECORD_BYTES,
                "delivery.timeout.ms": int(timeout * 1000),
                "log_level": 0,
            }
        )

    def publish(self, topic: str, record: Record, key: str) -> RecordPlace:
        """Return the place of a record once the broker holds it durably."""
        return self.publish_all(topic, [(record, key)])[0]

    def publish_all(self, topic: str, records: Sequence[tuple[Record, str]]) -> list[RecordPlace]:
        """Return the places of many records, in their order; the first failure is raised."""
        values = [value_of(self._codec, topic, record) for record, _ in records]
        reports: list[RecordPlace | LogError | None] = [None] * len(records)
        for number, (record, key) in enumerate(records):
            headers = headers_of(record, key, self._source)
            self._produce(topic, values[number], key, headers, _reporter(reports, number))
        # Bounded by delivery.timeout.ms: librdkafka reports every record by then.
        while any(report is None for report in reports):
            self._producer.poll(_POLL_S)
        places = []
        for report in reports:
            if isinstance(report, LogError):
                raise report
            assert report is not None
            places.append(report)
        return places

    def close(self) -> None:
        """Let what is on its way arrive, for at most ten seconds."""
        self._producer.flush(_WAIT_S)

    def _produce(self, topic: str, value: bytes, key: str, headers: Any, report: Any) -> None:
        while True:
            try:
                self._producer.produce(
                    topic, value=value, key=key.encode(), headers=headers, on_delivery=report
                )
            except BufferError:
                self._producer.poll(_POLL_S)
            except KafkaException as error:
                raise translated(error, f"publishing to {topic}") from error
            else:
                return


def _reporter(reports: list[RecordPlace | LogError | None], number: int) -> Any:
    def report(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            reports[number] = translated(error, f"publishing to {message.topic()}")
        else:
            reports[number] = _place(message)

    return report


class TopicReader:
    """Reads committed records by assignment; it belongs to no group and commits nothing."""

    def __init__(self, config: Mapping[str, str | int | float], codec: Codec) -> None:
        self._codec = codec
        self._kafka = config

    def read(
        self,
        topic: str,
        start: Start = "earliest",
        *,
        key: str | None = None,
        follow: bool = False,
        until: Until | None = None,
        only: Only | None = None,
    ) -> Iterator[Delivery]:
        """Yield a topic's records, as every log reader does."""
        wanted = None if key is None else key.encode()
        with closing(consumer_of(self._kafka, TAIL)) as consumer:
            count = _partition_count(consumer, topic)
            chosen = range(count) if wanted is None else [partition_for(wanted, count)]
            consumer.assign(_beginnings(consumer, topic, chosen, start))
            for message in _messages(consumer, len(chosen), follow=follow, until=until):
                if wanted is not None and message.key() != wanted:
                    continue
                raw = _raw(message)
                if only is None or only(raw):
                    yield delivered(self._codec, raw)

    def ends(self, topic: str) -> Mapping[int, int]:
        """Return where the committed part of each partition ends."""
        with closing(consumer_of(self._kafka, TAIL)) as consumer:
            # Of a consumer that reads what is committed, the end is before any open transaction.
            count = _partition_count(consumer, topic)
            return {number: _end(consumer, topic, number) for number in range(count)}


def _messages(
    consumer: Consumer, partitions: int, *, follow: bool, until: Until | None
) -> Iterator[Message]:
    at_end: set[int] = set()
    heard = time.monotonic()
    while until is None or not until():
        message = consumer.poll(_POLL_S)
        if message is not None and message.error() is None:
            heard = time.monotonic()
            yield message
        elif message is not None and _is_end(message):
            heard = time.monotonic()
            at_end.add(message.partition() or 0)
        if follow:
            continue
        if len(at_end) == partitions:
            return
        if time.monotonic() - heard > _STALL_S:
            raise UnavailableError("Kafka has been silent for 30 s: check that it runs.")


def _is_end(message: Message) -> bool:
    """Return whether this says the end of a partition; raises what reading cannot get over."""
    error = message.error()
    assert error is not None
    if is_end(error):
        return True
    problem = translated(error, "reading")
    if not isinstance(problem, UnavailableError):
        raise problem
    # librdkafka goes on by itself once the broker is back.
    return False


def _partition_count(consumer: Consumer, topic: str) -> int:
    try:
        known = consumer.list_topics(topic, timeout=_WAIT_S).topics[topic]
    except KafkaException as error:
        raise translated(error, f"asking for the partitions of {topic}") from error
    if known.error is not None:
        raise RefusedError(f"There is no topic {topic}; create it first.")
    return len(known.partitions)


def _beginnings(
    consumer: Consumer, topic: str, partitions: Sequence[int], start: Start
) -> list[TopicPartition]:
    if isinstance(start, datetime):
        millis = max(0, int(start.timestamp() * 1000))
        asked = [TopicPartition(topic, number, millis) for number in partitions]
        try:
            # It answers with the end where nothing is that young.
            return consumer.offsets_for_times(asked, timeout=_WAIT_S)
        except KafkaException as error:
            raise translated(error, f"looking for {start} in {topic}") from error
    if isinstance(start, Mapping):
        return [TopicPartition(topic, n, start.get(n, OFFSET_BEGINNING)) for n in partitions]
    if start == "earliest":
        return [TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions]
    return [TopicPartition(topic, n, _end(consumer, topic, n)) for n in partitions]


def _end(consumer: Consumer, topic: str, partition: int) -> int:
    """Return the end as it is now; left to the broker, it would be the end at the first fetch."""
    try:
        marks = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_WAIT_S)
    except KafkaException as error:
        raise translated(error, f"asking for the end of {topic}") from error
    if marks is None:
        raise UnavailableError(f"Kafka did not say where {topic} ends: try again.")
    return int(marks[1])


def _raw(message: Message) -> Delivery:
    _, millis = message.timestamp()
    at = datetime.fromtimestamp(millis / 1000, UTC)
    headers: Any = tuple(message.headers() or ())
    return Delivery(_place(message), message.key(), message.value(), headers, at)


def _place(message: Message) -> RecordPlace:
    return RecordPlace(message.topic() or "", message.partition() or 0, message.offset() or 0)
