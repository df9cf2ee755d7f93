"""Reading topics once more for what the oracle's records lack: time stamps and headers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, TopicPartition

from stack.settings import Settings
from tests.oracle import Place
from tests.torture.noise import HEADER


class Scanned(NamedTuple):
    """Where a record is, when it was written in epoch seconds, and the mark of the noise."""

    place: Place
    at: float
    mark: bytes
    value: bytes | None


def scan(settings: Settings, topic: str) -> Iterator[Scanned]:
    """Every committed record of a topic."""
    consumer = Consumer(
        {
            **settings.kafka_config(),
            "group.id": "scan",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )
    consumer.assign([TopicPartition(topic, number, 0) for number in range(settings.partitions)])
    unread = set(range(settings.partitions))
    try:
        while unread:
            message = consumer.poll(20)
            assert message is not None, f"{topic} could not be read to its end"
            error, partition = message.error(), message.partition()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    unread.discard(partition)
                continue
            value = message.value()
            assert not isinstance(value, str)
            mark = dict(message.headers() or ()).get(HEADER, b"")
            assert isinstance(mark, bytes)
            place = Place(topic, partition or 0, message.offset() or 0)
            yield Scanned(place, message.timestamp()[1] / 1000, mark, value)
    finally:
        consumer.close()
