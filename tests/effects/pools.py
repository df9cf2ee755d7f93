"""A running pool seen from outside: work goes in, results and dead letters come out."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.base import Record
from runfold.events.calls import BeginRequested, ToolResult, ToolWork
from runfold.infra.process.exit_codes import ExitCode
from runfold.stack.settings import Settings
from tests.support import warm
from tests.support.stack import wait_until

CODEC = Codec(LockRegistry())
ROOT = Path(__file__).parents[2]


class PoolBench:
    """One set of topics, one database, and pools to start on them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kafka = {**settings.kafka_config(), "log_level": 0}
        self._producer = Producer({**self._kafka, "enable.idempotence": True})
        self._processes: list[warm.Started] = []
        self._kept = False

    def start(self, failpoint: str = "", **more: str) -> warm.Started:
        """Start a pool; its instance name is always the same, so it takes over at once."""
        env = {
            **os.environ,
            **self._settings.to_env(),
            "RUNFOLD_FAILPOINT": failpoint,
            "RUNFOLD_INSTANCE": "pool-1",
            **more,
        }
        process = warm.start("tests.effects.host", env=env)
        self._processes.append(process)
        return process

    def keep(self) -> None:
        """Start a pool, and start it again where it ends because it cannot go on, as a supervisor.

        A broker that is away for longer than a session may hand a pool's place to nobody.
        """
        self._kept = True
        self.start()

    @property
    def last(self) -> warm.Started:
        """The pool that was started last."""
        return self._processes[-1]

    def _tend(self) -> None:
        if self._kept and self.last.poll() == ExitCode.CANNOT_GO_ON:
            self.start()

    def stop_all(self) -> None:
        """Kill what still runs."""
        for process in self._processes:
            process.kill()
            process.wait()

    def publish(self, works: Sequence[ToolWork]) -> None:
        """Put work on the topic and wait until it is there."""
        for work in works:
            self.publish_bytes(work.run_id, CODEC.encode(topics.TOOL_CALLS, work))

    def publish_bytes(self, key: str, value: bytes) -> None:
        """Put anything on the work topic."""
        self._producer.produce(topics.TOOL_CALLS, key=key.encode(), value=value)
        assert self._producer.flush(30) == 0

    def publish_aborted(self, work: ToolWork) -> None:
        """Put work on the topic in a transaction that is aborted."""
        producer = Producer({**self._kafka, "transactional.id": "aborts"})
        producer.init_transactions(30)
        producer.begin_transaction()
        producer.produce(
            topics.TOOL_CALLS,
            key=work.run_id.encode(),
            value=CODEC.encode(topics.TOOL_CALLS, work),
        )
        producer.flush(30)
        producer.abort_transaction(30)

    def results(self, enough: Callable[[list[ToolResult]], bool]) -> list[ToolResult]:
        """Return all results so far once there are enough."""
        found: list[ToolResult] = []
        for record in self._read(topics.RESULTS, lambda: enough(found)):
            if not isinstance(record, BeginRequested):
                assert isinstance(record, ToolResult)
                found.append(record)
        return found

    def results_of(self, works: Sequence[ToolWork]) -> list[ToolResult]:
        """Return all results so far once every one of these calls has one."""
        wanted = {(work.call_id, work.attempt) for work in works}
        return self.results(lambda seen: wanted <= {(r.call_id, r.attempt) for r in seen})

    def dead_letters(self, count: int) -> list[Record]:
        """Return the dead letters once there are so many."""
        found: list[Record] = []
        for record in self._read(topics.DEAD_LETTERS, lambda: len(found) >= count):
            found.append(record)  # noqa: PERF402  the list decides when to stop
        return found

    def wait_for_members(self, count: int) -> None:
        """Wait until the group has so many members, each with partitions."""
        admin = AdminClient(self._kafka)

        def there() -> bool:
            try:
                told = admin.describe_consumer_groups(["tools"])["tools"].result(10)
            except KafkaException:
                # The broker has not yet made up its mind who looks after the group.
                return False
            busy = [m for m in told.members if m.assignment and m.assignment.topic_partitions]
            return len(busy) == count

        wait_until(there)

    def committed(self) -> int:
        """Return how many records of the work topic the group has committed."""
        consumer = Consumer({**self._kafka, "group.id": "tools"})
        places = [
            TopicPartition(topics.TOOL_CALLS, partition)
            for partition in range(self._settings.partitions)
        ]
        found = consumer.committed(places, timeout=10)
        consumer.close()
        return sum(max(0, place.offset) for place in found)

    def _read(self, topic: str, enough: Callable[[], bool]) -> Iterator[Record]:
        consumer = Consumer(
            {**self._kafka, "group.id": "none", "isolation.level": "read_committed"}
        )
        consumer.assign(
            [
                TopicPartition(topic, partition, OFFSET_BEGINNING)
                for partition in range(self._settings.partitions)
            ]
        )
        due = time.monotonic() + 90
        try:
            while not enough():
                assert time.monotonic() < due, f"not enough came on {topic}"
                self._tend()
                message = consumer.poll(0.1)
                if message is not None and message.error() is None:
                    record = CODEC.decode(topic, message.value())
                    assert isinstance(record, Record)
                    yield record
        finally:
            consumer.close()


@contextmanager
def bench(settings: Settings) -> Iterator[PoolBench]:
    """A bench whose processes end with the test."""
    found = PoolBench(settings)
    try:
        yield found
    finally:
        found.stop_all()


def terminated(process: subprocess.Popen[bytes] | warm.Started) -> int:
    """Ask a process to end and return its exit code."""
    process.send_signal(signal.SIGTERM)
    return process.wait(20)
