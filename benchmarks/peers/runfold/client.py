"""A client of Runfold that keeps so many runs in flight: requests in, completions out."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import psycopg
from confluent_kafka import Consumer, TopicPartition

from benchmarks.peers.agent.work import Load
from benchmarks.peers.contract import Done
from benchmarks.peers.errors import NotMeasuredError
from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.contents.content import text
from runfold.events.records.commands import RunRequested
from runfold.events.run import Event, RunCompleted
from runfold.producers.identity import uuid7
from runfold.producers.log.kafka import Publisher
from runfold.stack.settings import Settings

_PATIENCE_S = 180.0
_LOOK_EVERY_S = 0.01


class RunfoldClient:
    """Publishes requests, consumes completions, and looks into Postgres for the last rows."""

    def __init__(self, settings: Settings, agent: str, *, projected: bool) -> None:
        """Connect; with ``projected`` runs count as ended when Postgres shows them completed."""
        self._settings = settings
        self._agent = agent
        self._projected = projected
        self._codec = Codec(LockRegistry())
        self._writer = Publisher(settings.producer_config(), self._codec)
        self._completed = 0
        # As for a client that needs its answers soon.
        quick = {"fetch.queue.backoff.ms": 5, "fetch.wait.max.ms": 50, "log_level": 0}
        own = {"group.id": "peers", "enable.auto.commit": False}
        committed = {"isolation.level": "read_committed"}
        self._consumer = Consumer({**settings.kafka_config(), **own, **committed, **quick})
        self._consumer.assign(
            [TopicPartition(topics.COMPLETIONS, p, 0) for p in range(settings.partitions)]
        )

    def run(self, count: int, at_once: int, load: Load) -> Done:
        """Make the runs and return when the last one is completed, and projected if so meant."""
        asked: dict[str, float] = {}
        took: dict[str, float] = {}
        values: list[bytes] = []
        began = time.perf_counter()
        while len(took) < count:
            free = min(count - len(asked), at_once - (len(asked) - len(took)))
            if free:
                self._ask(free, load.goal(), asked)
            for run_id, value in self._ended():
                if run_id in asked and run_id not in took:
                    took[run_id] = time.perf_counter() - asked[run_id]
                    values.append(value)
            if time.perf_counter() - began > _PATIENCE_S:
                raise NotMeasuredError(f"{count - len(took)} of {count} runs did not end")
        if self._projected:
            self._wait_for_rows(self._completed + count)
        seconds = time.perf_counter() - began
        self._completed += count
        self._check(values)
        return Done(tuple(asked), seconds, tuple(took.values()))

    def close(self) -> None:
        """Disconnect."""
        self._writer.close()
        self._consumer.close()

    def _ask(self, count: int, goal: str, asked: dict[str, float]) -> None:
        requests = [
            RunRequested(
                run_id=uuid7(),
                tenant_id="bench",
                user_id="bench",
                agent=self._agent,
                goal=text(goal),
                requested_at=datetime.now(UTC),
            )
            for _ in range(count)
        ]
        now = time.perf_counter()
        asked.update((request.run_id, now) for request in requests)
        self._writer.publish_all(topics.REQUESTS, [(r, r.run_id) for r in requests])

    def _ended(self) -> list[tuple[str, bytes]]:
        first = self._consumer.poll(0.5)
        if first is None:
            return []
        messages = [first, *self._consumer.consume(1000, 0)]
        return [((m.key() or b"").decode(), m.value() or b"") for m in messages if not m.error()]

    def _wait_for_rows(self, count: int) -> None:
        query = "select count(*) from runs where status = 'completed'"
        until = time.monotonic() + _PATIENCE_S
        with psycopg.connect(self._settings.database_url, autocommit=True) as connection:
            while True:
                row: tuple[Any, ...] | None = connection.execute(query).fetchone()
                if row is not None and row[0] >= count:
                    return
                if time.monotonic() > until:
                    raise NotMeasuredError("the projections did not catch up")
                time.sleep(_LOOK_EVERY_S)

    def _check(self, values: list[bytes]) -> None:
        for value in values:
            end = self._codec.decode(topics.COMPLETIONS, value)
            if not (isinstance(end, Event) and isinstance(end.fact, RunCompleted)):
                raise NotMeasuredError(f"a run did not complete: {end!r:.300}")
