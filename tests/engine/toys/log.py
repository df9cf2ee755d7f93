"""The toys' topics on a real broker: what was written, read back independently of the engine."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from runfold.events.avro.codec import Codec
from runfold.events.base import Record
from runfold.events.topics import MAX_RECORD_BYTES
from runfold.processors.engine.spec import AggregateSpec
from tests.engine.toys import topics
from tests.engine.toys.codecs import JOB_CODEC, LEDGER_CODEC
from tests.engine.toys.inputs import CODEC, key_of, topic_of
from tests.engine.toys.job import JOBS
from tests.engine.toys.ledger import LEDGERS
from tests.support.stack import TO_THE_END, wait_until
from tests.system.oracle.journals import Journal, journal_of


class Log:
    """Publishes inputs and reads topics of a real broker."""

    def __init__(self, bootstrap: str, partitions: int = 4) -> None:
        self._bootstrap = bootstrap
        self._partitions = partitions
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "partitioner": "murmur2_random",
                "log_level": 0,
                "message.max.bytes": MAX_RECORD_BYTES,
            }
        )

    def send(self, *records: Record) -> None:
        for record in records:
            topic = topic_of(record)
            key = key_of(record)
            self._producer.produce(topic, CODEC.encode(topic, record), key)
        assert self._producer.flush(20) == 0

    def send_bytes(self, topic: str, key: str, value: bytes, partition: int = -1) -> None:
        self._producer.produce(topic, value, key, partition)
        assert self._producer.flush(20) == 0

    def resend(self, topic: str, key: Any, value: Any, headers: Any, partition: int) -> None:
        """Write a message as it stands somewhere already."""
        self._producer.produce(topic, value, key, partition, headers=headers)
        assert self._producer.flush(20) == 0

    def messages(self, topic: str) -> list[Message]:
        """Every committed message, partition after partition."""
        consumer = Consumer(
            {
                **TO_THE_END,
                "bootstrap.servers": self._bootstrap,
                "group.id": "oracle",
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
            }
        )
        consumer.list_topics(timeout=10)
        consumer.assign([TopicPartition(topic, p, 0) for p in range(self._partitions)])
        ended: set[int] = set()
        found: dict[int, list[Message]] = defaultdict(list)
        until = time.monotonic() + 30
        while len(ended) < self._partitions and time.monotonic() < until:
            for message in consumer.consume(1000, 0.05):
                error, partition = message.error(), message.partition()
                assert partition is not None
                if error is None:
                    found[partition].append(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    ended.add(partition)
        consumer.close()
        assert len(ended) == self._partitions, f"{topic} could not be read to its end"
        return [message for partition in sorted(found) for message in found[partition]]

    def records(self, topic: str) -> list[object]:
        """Every committed record, decoded; tombstones are left out."""
        return [
            CODEC.decode(topic, value)
            for message in self.messages(topic)
            if isinstance(value := message.value(), bytes)
        ]

    def journal(self) -> Journal:
        return self._journal_of(JOBS, JOB_CODEC)

    def ledger(self) -> Journal:
        return self._journal_of(LEDGERS, LEDGER_CODEC)

    def _journal_of(self, spec: AggregateSpec[Any], codec: Codec) -> Journal:
        messages = self.messages(spec.topics.journal)
        return journal_of(spec, codec, [message.value() for message in messages])

    def ended(self) -> set[str]:
        """The jobs on the completions topic."""
        return {(message.key() or b"").decode() for message in self.messages(topics.COMPLETIONS)}

    def wait_for_ends(self, jobs: Iterable[str], seconds: float = 30) -> None:
        wanted = set(jobs)
        self.wait_until(lambda: wanted <= self.ended(), seconds)

    def wait_until(self, done: Callable[[], bool], seconds: float = 30) -> None:
        wait_until(done, seconds)
