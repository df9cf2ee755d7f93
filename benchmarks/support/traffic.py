"""Requests in, completions out, as a client of Runfold sees them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import psycopg
from confluent_kafka import Consumer, TopicPartition

from benchmarks.support.trend import percentile
from benchmarks.support.workload import AGENT, definitions
from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.contents.content import text
from runfold.events.records.commands import RunRequested
from runfold.events.run import Event
from runfold.processors.definitions.follower import DefinitionFollower
from runfold.processors.definitions.kafka import KafkaDefinitionLog
from runfold.processors.definitions.publisher import Author, publish
from runfold.producers.client import RunClient
from runfold.producers.identity import uuid7
from runfold.producers.log.kafka import Publisher, TopicReader
from runfold.stack.settings import Settings

_PATIENCE_S = 120.0


@dataclass(frozen=True)
class Bulk:
    """Seconds from the first request to the last completion, and to its row in Postgres."""

    completed_s: float
    projected_s: float


@dataclass(frozen=True)
class OneByOne:
    """Latencies of runs that had the machine to themselves."""

    runs_ms: tuple[float, ...]
    steps_ms: tuple[float, ...]
    events_per_run: int

    def run_ms(self, percent: int) -> float:
        """Return a percentile of whole runs."""
        return percentile(self.runs_ms, percent)

    def step_ms(self, percent: int) -> float:
        """Return a percentile of steps: from one decision of a run to its next."""
        return percentile(self.steps_ms, percent)


class Traffic:
    """Publishes requests and waits for what becomes of them."""

    def __init__(self, settings: Settings) -> None:
        """Connect; the consumer reads completions from now on."""
        self._settings = settings
        self._codec = Codec(LockRegistry())
        self._writer = Publisher(settings.producer_config(), self._codec)
        self._client = RunClient(self._writer, TopicReader(settings.kafka_config(), self._codec))
        self._done: dict[str, float] = {}
        self._consumer = Consumer(
            {
                **settings.kafka_config(),
                "group.id": "bench",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "fetch.queue.backoff.ms": 5,
                "log_level": 0,
            }
        )
        self._consumer.assign(
            [TopicPartition(topics.COMPLETIONS, p, 0) for p in range(settings.partitions)]
        )

    def close(self) -> None:
        """Read no more completions."""
        self._consumer.close()

    def publish_definitions(self) -> None:
        """Publish the benchmark's agent and tool."""
        source = KafkaDefinitionLog(self._settings.kafka_config(), self._codec)
        with DefinitionFollower(source) as store:
            now = datetime.now(UTC)
            publish(definitions(), log=self._writer, store=store, author=Author("bench", now))

    def run_all(self, count: int) -> Bulk:
        """Request so many runs at once; wait until all are done and projected."""
        began = time.perf_counter()
        completed = self.complete_all(count)
        self._wait_projected(len(self._done))
        return Bulk(completed, time.perf_counter() - began)

    def complete_all(self, count: int) -> float:
        """Request so many runs at once and wait until all are done; return the seconds it took."""
        requests = [new_request() for _ in range(count)]
        began = time.perf_counter()
        self._writer.publish_all(topics.REQUESTS, [(r, r.run_id) for r in requests])
        wanted = {request.run_id for request in requests}
        self._wait(wanted)
        return max(self._done[run_id] for run_id in wanted) - began

    def run_one_by_one(self, count: int) -> OneByOne:
        """Request runs one after another."""
        took, steps, events = [], [], 0
        for _ in range(count):
            request = new_request()
            began = time.perf_counter()
            self._writer.publish(topics.REQUESTS, request, request.run_id)
            self._wait({request.run_id})
            took.append((self._done[request.run_id] - began) * 1000)
            history = tuple(self._client.events(request.run_id))
            steps.extend(_steps_ms(history))
            events = len(history)
        return OneByOne(tuple(took), tuple(steps), events)

    def _wait(self, wanted: set[str]) -> None:
        until = time.monotonic() + _PATIENCE_S
        while not wanted <= self._done.keys():
            if time.monotonic() > until:
                missing = len(wanted - self._done.keys())
                raise TimeoutError(f"{missing} of {len(wanted)} runs did not end in time")
            first = self._consumer.poll(0.5)
            if first is None:
                continue
            now = time.perf_counter()
            for message in (first, *self._consumer.consume(1000, 0)):
                if message.error() is None:
                    self._done.setdefault((message.key() or b"").decode(), now)

    def _wait_projected(self, count: int) -> None:
        query = "select count(*) from runs where status = 'completed'"
        until = time.monotonic() + _PATIENCE_S
        with psycopg.connect(self._settings.database_url, autocommit=True) as connection:
            while True:
                row = connection.execute(query).fetchone()
                if row is not None and row[0] >= count:
                    return
                if time.monotonic() > until:
                    raise TimeoutError("the projections did not catch up")
                time.sleep(0.01)


def new_request() -> RunRequested:
    """Return a request for one run of the benchmark's agent."""
    return RunRequested(
        run_id=uuid7(),
        tenant_id="bench",
        user_id="bench",
        agent=AGENT,
        goal=text("Find five things and say what they are."),
        requested_at=datetime.now(UTC),
    )


def _steps_ms(history: tuple[Event, ...]) -> list[float]:
    times = sorted({event.meta.time for event in history})
    return [(b - a).total_seconds() * 1000 for a, b in pairwise(times)]
