"""The person beside the agents: approves what waits, and settles what nobody else can know."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from runfold.events import topics
from runfold.events.base import Record
from runfold.events.catalogue import TERMINAL_FACTS
from runfold.events.contents.content import json_content
from runfold.events.records import commands
from runfold.events.run import ApprovalRequested, Event, ToolCallProposed, ToolCallUncertain
from runfold.events.topics import MAX_RECORD_BYTES
from runfold.producers.identity import uuid7
from runfold.stack.settings import Settings
from tests.system.crash.agent import CODEC
from tests.system.crash.wire import Encode, ours
from tests.system.oracle import Place

Sent = tuple[str, bytes, bytes]
"""Topic, key and value of something published."""


class Person:
    """Follows the committed journal and answers it; ``work`` takes what has come."""

    def __init__(self, settings: Settings, ledger: Path, encode: Encode = ours) -> None:
        self._ledger = ledger
        self.encode = encode
        self._keys: dict[str, str] = {}
        self.ended: set[str] = set()
        self.types: Counter[str] = Counter()
        self.sent: list[Sent] = []
        kafka = {**settings.kafka_config(), "log_level": 0}
        self._producer = Producer(
            {
                **kafka,
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "message.max.bytes": MAX_RECORD_BYTES,
            }
        )
        self._consumer = Consumer(
            {
                **kafka,
                "group.id": "person",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "fetch.queue.backoff.ms": 20,
            }
        )
        self._consumer.assign(
            [TopicPartition(topics.EVENTS, number, 0) for number in range(settings.partitions)]
        )

    def close(self) -> None:
        self._consumer.close()

    def work(self, seconds: float = 0.05) -> None:
        """Wait so long for something to read, then deal with all that is there."""
        first = self._consumer.poll(seconds)
        if first is None:
            return
        for message in (first, *self._consumer.consume(1000, 0)):
            if message.error() is None:
                record = CODEC.decode(topics.EVENTS, message.value())
                if isinstance(record, Event):
                    self._hear(record)

    def send(self, topic: str, record: Record, run_id: str) -> None:
        """Publish a record and remember it."""
        self.put(topic, run_id.encode(), self.encode(topic, record))

    def put(self, topic: str, key: bytes, value: bytes) -> None:
        """Publish bytes and remember them."""
        self.sent.append((topic, key, value))
        self.repeat((topic, key, value))

    def repeat(self, sent: Sent) -> None:
        """Publish something again."""
        topic, key, value = sent
        self._producer.produce(topic, value, key)
        self._producer.poll(0)

    def poison(self, topic: str, key: bytes, value: bytes | None, places: set[Place]) -> None:
        """Publish what cannot be used, and note where it came to stand."""

        def placed(error: KafkaError | None, message: Message) -> None:
            assert error is None, error
            partition, offset = message.partition(), message.offset()
            assert partition is not None
            assert offset is not None
            places.add(Place(topic, partition, offset))

        self._producer.produce(topic, value, key, on_delivery=placed)
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait until all that was published is on the log."""
        assert self._producer.flush(60) == 0

    def _hear(self, event: Event) -> None:
        self.types[event.type] += 1
        run_id, fact = event.meta.run_id, event.fact
        if isinstance(fact, TERMINAL_FACTS):
            self.ended.add(run_id)
        elif isinstance(fact, ToolCallProposed):
            self._keys[fact.call_id] = fact.idempotency_key
        elif isinstance(fact, ApprovalRequested):
            self._control(event, commands.ApproveToolCall, call_id=fact.call_id)
        elif isinstance(fact, ToolCallUncertain):
            self._settle(event, fact)

    def _settle(self, event: Event, fact: ToolCallUncertain) -> None:
        done = self._ledger.read_text().split() if self._ledger.exists() else []
        if self._keys[fact.call_id] in done:
            happened = commands.Resolution.HAPPENED
            self._control(
                event,
                commands.ResolveToolCall,
                call_id=fact.call_id,
                resolution=happened,
                result=json_content("paid, says the ledger"),
            )
        else:
            did_not = commands.Resolution.DID_NOT_HAPPEN
            self._control(event, commands.ResolveToolCall, call_id=fact.call_id, resolution=did_not)

    def _control(self, event: Event, kind: type[commands.Control], **said: object) -> None:
        control = kind.model_validate(
            {
                "request_id": uuid7(),
                "run_id": event.meta.run_id,
                "tenant_id": event.meta.tenant_id,
                "actor_id": "person",
                "requested_at": datetime.now(UTC),
                **said,
            }
        )
        self.send(topics.CONTROLS, control, event.meta.run_id)
