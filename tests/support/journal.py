"""A real journal for projectors: histories on Kafka in transactions, garbage among them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from confluent_kafka import Consumer, Producer, TopicPartition

from runfold.events import topics
from runfold.events.records.operations import DeadLetter
from tests.support.builders.history import CODEC, History
from tests.support.builders.seeded import interleaved
from tests.support.stack import TO_THE_END

_ids = itertools.count(1)


def write(bootstrap: str, runs: list[History], per_transaction: int = 40) -> None:
    """Append the events of these runs, mixed, in transactions; between them some are aborted."""
    producer = Producer(
        {"bootstrap.servers": bootstrap, "transactional.id": f"test-{next(_ids)}", "linger.ms": 2}
    )
    producer.init_transactions(20)
    events = list(interleaved(runs))
    for number, start in enumerate(range(0, len(events), per_transaction)):
        part = events[start : start + per_transaction]
        if number % 3 == 2:
            # What an aborted transaction holds never happened.
            _produce(producer, part[:3])
            producer.flush(20)
            producer.abort_transaction(20)
        _produce(producer, part)
        producer.commit_transaction(20)
    producer.flush(20)


def _produce(producer: Producer, part: Iterable[tuple[History, int]]) -> None:
    producer.begin_transaction()
    for run, index in part:
        producer.produce(
            topics.EVENTS, run.values[index], run.run_id.encode(), partition=run.partition
        )


def put(bootstrap: str, topic: str, partition: int, value: bytes, key: bytes = b"key") -> None:
    """Append one record as it is."""
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    producer.produce(topic, value, key, partition=partition)
    assert producer.flush(20) == 0


def put_letter(bootstrap: str, letter: DeadLetter, partition: int = 0) -> None:
    """Append a dead letter."""
    put(bootstrap, topics.DEAD_LETTERS, partition, CODEC.encode(topics.DEAD_LETTERS, letter))


def ends(bootstrap: str, topic: str, partitions: int) -> dict[int, int]:
    """The offset after the last record that a reader of committed ones sees, by partition."""
    consumer = Consumer(
        {
            **TO_THE_END,
            "bootstrap.servers": bootstrap,
            "group.id": "ends",
            "isolation.level": "read_committed",
        }
    )
    found: dict[int, int] = {}
    consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
    open_ = set(range(partitions))
    while open_:
        message = consumer.poll(20)
        assert message is not None, "the broker does not answer"
        if message.error() is not None:
            open_.discard(message.partition())
            continue
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        found[partition] = offset + 1
    consumer.close()
    return found
