"""Reading topics once more for what the oracle's records lack: time stamps and headers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from runfold.stack.settings import Settings
from tests.support.stack import TO_THE_END
from tests.system.oracle import Place
from tests.system.torture.simulation.noise import HEADER

_BATCH_S = 0.05
_ALL_S = 300.0


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
            **TO_THE_END,
            "group.id": "scan",
            "isolation.level": "read_committed",
        }
    )
    consumer.assign([TopicPartition(topic, number, 0) for number in range(settings.partitions)])
    unread = set(range(settings.partitions))
    until = time.monotonic() + _ALL_S
    try:
        while unread:
            assert time.monotonic() < until, f"{topic} could not be read to its end"
            for message in consumer.consume(1000, _BATCH_S):
                error = message.error()
                if error is None:
                    yield _scanned(topic, message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    unread.discard(message.partition())
    finally:
        consumer.close()


def _scanned(topic: str, message: Message) -> Scanned:
    value = message.value()
    assert not isinstance(value, str)
    mark = dict(message.headers() or ()).get(HEADER, b"")
    assert isinstance(mark, bytes)
    place = Place(topic, message.partition() or 0, message.offset() or 0)
    return Scanned(place, message.timestamp()[1] / 1000, mark, value)
