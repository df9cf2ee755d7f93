"""A steady load on every partition, and when each partition of the journal was last heard."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from datetime import UTC, datetime

from confluent_kafka import Consumer, Producer, TopicPartition

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.contents.content import text
from runfold.events.definitions import (
    AgentDefinition,
    Definition,
    ModelChoice,
    ModelScript,
    ScriptTurn,
    ToolContract,
)
from runfold.events.records.commands import RunRequested
from runfold.events.run import Event
from runfold.events.values import Limits, Placement
from runfold.processors.definitions.follower import DefinitionFollower
from runfold.processors.definitions.kafka import KafkaDefinitionLog
from runfold.processors.definitions.publisher import Author, publish
from runfold.producers.identity import uuid7
from runfold.producers.log.kafka import Publisher
from runfold.producers.log.partitioner import partition_for
from runfold.stack.settings import Settings

CODEC = Codec(LockRegistry())
_HOUR_MS = 3_600_000
_TURNS = {
    # It ends at once.
    "quick": ScriptTurn(calls=({"name": "complete_task", "arguments": {"summary": "done"}},)),
    # It waits for a person.
    "asks": ScriptTurn(calls=({"name": "bench.file", "arguments": {"text": "{{ goal }}"}},)),
    # It waits for a pool.
    "pooled": ScriptTurn(calls=({"name": "bench.fetch", "arguments": {"text": "{{ goal }}"}},)),
    # It waits for a model, in the run processor itself.
    "slow": ScriptTurn(text="thinking", delay_ms=_HOUR_MS),
}


def definitions() -> list[Definition]:
    """An agent for each thing that a run can be at, with its model script, and two tools."""
    found: list[Definition] = [_tool("bench.file", 2), _tool("bench.fetch", 0)]
    for name, turn in _TURNS.items():
        found += [
            ModelScript(name=name, version="1.0.0", turns=(turn,)),
            AgentDefinition(
                name=name,
                version="1.0.0",
                instructions="Do the one thing that there is to do.",
                prompt_version="1",
                model=ModelChoice(name=f"scripted:{name}", timeout_ms=2 * _HOUR_MS),
                tools=("bench.file", "bench.fetch"),
                limits=Limits(max_model_calls=5, max_tool_calls=5, max_identical_calls=5),
            ),
        ]
    return found


def _tool(name: str, level: int) -> ToolContract:
    return ToolContract(
        name=name,
        version="1.0.0",
        description="Does something somewhere else.",
        input_schema={"type": "object", "properties": {"text": {"type": "string"}}},
        risk_level=level,
        timeout_ms=_HOUR_MS,
        placement=Placement.POOL,
        implementation="builtin:bench",
    )


def publish_definitions(settings: Settings) -> None:
    """Put the definitions on the registry."""
    writer = Publisher(settings.producer_config(), CODEC)
    with DefinitionFollower(KafkaDefinitionLog(settings.kafka_config(), CODEC)) as store:
        report = publish(
            definitions(), log=writer, store=store, author=Author("bench", datetime.now(UTC))
        )
    assert not report.refused, report.refused


class Requests:
    """Asks for runs; ``run_id_on`` chooses where they live."""

    def __init__(self, settings: Settings) -> None:
        self._count = settings.partitions
        self._producer = Producer(
            {
                **settings.producer_config(),
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "linger.ms": 5,
            }
        )

    def ask(self, agent: str, partition: int) -> None:
        """Ask for a run of an agent on a partition."""
        while partition_for((run_id := uuid7()).encode(), self._count) != partition:
            pass
        asked = RunRequested(
            run_id=run_id,
            tenant_id="bench",
            user_id="bench",
            agent=agent,
            goal=text("Do it."),
            requested_at=datetime.now(UTC),
        )
        value = CODEC.encode(topics.REQUESTS, asked)
        self._producer.produce(topics.REQUESTS, value, run_id.encode())
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait until all of them are on the log."""
        assert self._producer.flush(120) == 0


class Heartbeat(threading.Thread):
    """Asks for quick runs, on each partition in turn, so many a second on each, until stopped."""

    def __init__(self, settings: Settings, a_second: float) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._requests = Requests(settings)
        self._partitions = settings.partitions
        self._pause = 1 / a_second / settings.partitions
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Ask no more."""
        self._stopping.set()
        self.join()

    def run(self) -> None:
        """Ask."""
        number = 0
        while not self._stopping.wait(self._pause):
            self._requests.ask("quick", number % self._partitions)
            number += 1


class Heard(threading.Thread):
    """Follows the committed journal: ``first_after`` says when a partition was heard again."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(name="heard", daemon=True)
        self._lock = threading.Lock()
        self._heard: dict[int, list[tuple[float, float]]] = defaultdict(list)
        self._kinds: dict[str, int] = defaultdict(int)
        self._consumer = Consumer(
            {
                **settings.kafka_config(),
                "group.id": "bench",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "fetch.queue.backoff.ms": 5,
                "fetch.wait.max.ms": 20,
                "reconnect.backoff.max.ms": 200,
                "log_level": 0,
            }
        )
        self._consumer.assign(
            [TopicPartition(topics.EVENTS, p, 0) for p in range(settings.partitions)]
        )

    def run(self) -> None:
        """Note when each event was written and when it was seen."""
        while True:
            first = self._consumer.poll(0.2)
            if first is None:
                continue
            now = time.time()
            for message in (first, *self._consumer.consume(1000, 0)):
                peek = CODEC.peek(message.value() or b"") if message.error() is None else None
                if peek is None:
                    continue
                with self._lock:
                    written = message.timestamp()[1] / 1000
                    self._heard[message.partition() or 0].append((written, now))
                    self._kinds[peek[0]] += 1

    def first_after(self, partition: int, at: float) -> float | None:
        """Return when the first event was seen that was written after a time, None before that."""
        with self._lock:
            later = (seen for written, seen in reversed(self._heard[partition]) if written > at)
            return min(later, default=None)

    def count(self, kind: type[Event] | str) -> int:
        """Return how many events of a kind were seen."""
        with self._lock:
            return self._kinds[kind if isinstance(kind, str) else kind.__name__]

    def forget(self) -> None:
        """Drop the times noted so far."""
        with self._lock:
            self._heard.clear()
