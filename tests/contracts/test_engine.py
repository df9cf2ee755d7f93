"""What the engine guarantees, on the shell in memory and on real Kafka alike."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Protocol

import pytest

from runfold.events.base import Record
from runfold.events.records.operations import DeadLetter
from tests.engine.host import config, engine
from tests.engine.lab import Lab
from tests.engine.toys import topics
from tests.engine.toys.inputs import job_id
from tests.engine.toys.job import control, request, result
from tests.engine.toys.job_records import CancelJob, JobEvent, PauseJob, TellJob
from tests.engine.toys.log import Log
from tests.support import stack
from tests.system.oracle.journals import Journal


class Subject(Protocol):
    """An engine around the toy, and its log."""

    def take(self, *records: Record) -> None: ...
    def put_bytes(self, topic: str, key: str, value: bytes) -> None: ...
    def decoded(self, topic: str) -> Sequence[object]: ...
    def journal(self) -> Journal: ...
    def settle_until(self, run: str, events: int) -> list[str]: ...
    def again(self) -> None: ...


class InMemory(Lab):
    def put_bytes(self, topic: str, key: str, value: bytes) -> None:
        self.put(topic, key, value)

    def settle_until(self, run: str, events: int) -> list[str]:
        self.settle()
        return self.types(run)

    def again(self) -> None:
        self.restart()


class OnKafka(Log):
    """Lanes in a thread of the test's own process."""

    def __init__(self, bootstrap: str) -> None:
        super().__init__(bootstrap)
        self._config = config(bootstrap, 4)
        self._start()

    def _start(self) -> None:
        self._engine = engine(self._config)
        self._thread = threading.Thread(target=self._engine.run)
        self._thread.start()

    def stop(self) -> None:
        self._engine.stop()
        self._thread.join()

    def again(self) -> None:
        self.stop()
        self._start()

    def take(self, *records: Record) -> None:
        self.send(*records)

    def put_bytes(self, topic: str, key: str, value: bytes) -> None:
        self.send_bytes(topic, key, value)

    def decoded(self, topic: str) -> Sequence[object]:
        return self.records(topic)

    def settle_until(self, run: str, events: int) -> list[str]:
        self.wait_until(lambda: len(self.journal().types(run)) >= events)
        return self.journal().types(run)


@pytest.fixture(scope="module")
def bootstrap_servers(servers: stack.Servers) -> str:
    """Empty topics once for this module; each test has runs of its own."""
    stack.fresh_topics(servers.settings, topics.TOYS)
    return servers.bootstrap_servers


@pytest.fixture
def runs() -> tuple[str, str]:
    return job_id(1), job_id(2)


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.integration)])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    if request.param == "memory":
        yield InMemory()
        return
    on_kafka = OnKafka(request.getfixturevalue("bootstrap_servers"))
    yield on_kafka
    on_kafka.stop()


def ended(subject: Subject, runs: tuple[str, str]) -> list[str]:
    return [
        event.meta.job_id
        for event in subject.decoded(topics.COMPLETIONS)
        if isinstance(event, JobEvent) and event.meta.job_id in runs
    ]


def letters(subject: Subject, run: str) -> list[str]:
    return [
        letter.code
        for letter in subject.decoded(topics.DEAD_LETTERS)
        if isinstance(letter, DeadLetter) and letter.key == run.encode()
    ]


def test_runs_end_once_with_whole_chains(subject: Subject, runs: tuple[str, str]) -> None:
    a, b = runs
    subject.take(request(a, steps=3), request(b, timer_ms=0), request(a, steps=3))
    assert subject.settle_until(a, 9)[-1] == "JobCompleted"
    assert subject.settle_until(b, 5)[-1] == "JobCompleted"
    assert subject.journal().faults([a, b]) == []
    assert sorted(ended(subject, runs)) == sorted(runs)


def test_a_run_goes_on_after_a_restart_and_repeats_start_nothing(
    subject: Subject, runs: tuple[str, str]
) -> None:
    a, b = runs
    subject.take(request(a, steps=2, placement="pool"), request(b))
    subject.settle_until(a, 3)
    subject.settle_until(b, 5)
    subject.again()
    subject.take(request(a), request(b), result(a, f"{a}.2"))
    assert subject.settle_until(a, 5)[3:] == ["StepAdvanced", "StepAdvanced"]
    subject.again()
    subject.take(result(a, f"{a}.2"), result(a, f"{a}.1"))
    assert subject.settle_until(a, 7)[5:] == ["StepAdvanced", "JobCompleted"]
    assert subject.journal().faults([a, b]) == []


def test_unusable_inputs_stop_nothing_and_are_told_once(
    subject: Subject, runs: tuple[str, str]
) -> None:
    a, _ = runs
    subject.put_bytes(topics.CONTROLS, a, b"rubbish")
    subject.take(request(a, placement="pool"))
    subject.settle_until(a, 3)
    subject.take(control(PauseJob, a, reason="boom"))
    subject.take(control(TellJob, a, text="hello"))
    subject.settle_until(a, 4)
    subject.again()
    subject.take(control(CancelJob, a, reason="enough"))
    assert subject.settle_until(a, 5)[3:] == ["JobTold", "JobCancelled"]
    assert letters(subject, a) == ["not_framed", "decider_failed"]


def test_pool_work_is_there_only_with_its_decision(subject: Subject, runs: tuple[str, str]) -> None:
    a, _ = runs
    subject.take(request(a, steps=1, placement="pool"))
    subject.settle_until(a, 3)
    works = [w for w in subject.decoded(topics.CALLS) if getattr(w, "job_id", "") == a]
    assert [getattr(work, "call_id", None) for work in works] == [f"{a}.1"]
