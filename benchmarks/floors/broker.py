"""The broker's floor: the same records, in transactions on one partition, and nothing else."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from benchmarks.floors.recorded import Written

_LOOP, _BULK = "floor.loop", "floor.bulk"
_SECONDS = 30.0

Kafka = Mapping[str, str | int | float]


@dataclass(frozen=True, slots=True)
class Client:
    """A transactional producer and a consumer that reads what is committed, as a lane has them."""

    producer: Producer
    consumer: Consumer

    def close(self) -> None:
        """Disconnect the consumer; the producer has nothing left to send."""
        self.consumer.close()


def make_topics(kafka: Kafka) -> None:
    """Make the floor's own topics, one partition each."""
    admin = AdminClient({**kafka, "log_level": 0})
    wanted = [NewTopic(name, num_partitions=1, replication_factor=1) for name in (_LOOP, _BULK)]
    for made in admin.create_topics(wanted).values():
        made.result(_SECONDS)


def loop_ms(kafka: Kafka, records: Sequence[Written], times: int) -> float:
    """Return the median of an empty step: some records in one transaction, until one is read."""
    client = _client(kafka, "floor-loop", _LOOP)
    took = []
    _commit(client.producer, _LOOP, records)
    _consumed(client.consumer, len(records))
    for _ in range(times):
        began = time.perf_counter()
        _commit(client.producer, _LOOP, records)
        _consumed(client.consumer, 1)
        took.append((time.perf_counter() - began) * 1000)
        _consumed(client.consumer, len(records) - 1)
    client.close()
    return statistics.median(took)


def write_all(kafka: Kafka, records: Sequence[Written], a_batch: int) -> Callable[[], None]:
    """Return what writes all records, so many a transaction, and reads them again."""
    client = _client(kafka, "floor-bulk", _BULK)

    def write() -> None:
        for at in range(0, len(records), a_batch):
            _commit(client.producer, _BULK, records[at : at + a_batch])
        _consumed(client.consumer, len(records))
        client.close()

    return write


def _client(kafka: Kafka, transactional_id: str, topic: str) -> Client:
    # As the lane's own.
    lingering = {"linger.ms": 5, "compression.type": "lz4", "log_level": 0}
    producer = Producer({**kafka, **lingering, "transactional.id": transactional_id})
    producer.init_transactions(_SECONDS)
    quick = {"fetch.queue.backoff.ms": 5, "enable.auto.commit": False, "log_level": 0}
    committed = {"isolation.level": "read_committed", "group.id": transactional_id}
    consumer = Consumer({**kafka, **quick, **committed})
    consumer.assign([TopicPartition(topic, 0, 0)])
    return Client(producer, consumer)


def _commit(producer: Producer, topic: str, records: Sequence[Written]) -> None:
    producer.begin_transaction()
    for record in records:
        producer.produce(topic, record.value, record.key, 0, headers=record.headers)
    producer.commit_transaction(_SECONDS)


def _consumed(consumer: Consumer, count: int) -> None:
    while count > 0:
        message = consumer.poll(_SECONDS)
        if message is None:
            raise TimeoutError("the broker does not give back what was written")
        assert message.error() is None, message.error()
        more = consumer.consume(count - 1, 0) if count > 1 else []
        count -= 1 + len(more)
