"""What the engine promises, on the shell in memory and on real Kafka alike."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Protocol

import pytest

from events import topics
from events.base import Record
from events.content import text
from events.inputs import CancelRun, PauseRun, SendMessage
from events.operations import DeadLetter
from tests.engine.host import config, engine
from tests.engine.lab import Lab
from tests.engine.oracle import Journal, Log, run_id
from tests.engine.toy import control, request, result

A, B = run_id(1), run_id(2)


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


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.integration)])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    if request.param == "memory":
        yield InMemory()
        return
    on_kafka = OnKafka(request.getfixturevalue("bootstrap_servers"))
    yield on_kafka
    on_kafka.stop()


def letters(subject: Subject) -> list[str]:
    return [
        letter.code
        for letter in subject.decoded(topics.DEAD_LETTERS)
        if isinstance(letter, DeadLetter)
    ]


def test_runs_end_once_with_whole_chains(subject: Subject) -> None:
    subject.take(request(A, steps=3), request(B, timer_ms=0), request(A, steps=3))
    assert subject.settle_until(A, 9)[-1] == "RunCompleted"
    assert subject.settle_until(B, 5)[-1] == "RunCompleted"
    assert subject.journal().faults([A, B]) == []
    assert len(subject.decoded(topics.COMPLETIONS)) == 2


def test_a_run_goes_on_after_a_restart_and_repeats_start_nothing(subject: Subject) -> None:
    subject.take(request(A, steps=2, placement="pool"), request(B))
    subject.settle_until(A, 3)
    subject.settle_until(B, 5)
    subject.again()
    subject.take(request(A), request(B), result(A, f"{A}.2"))
    assert subject.settle_until(A, 5)[3:] == ["PlanStepAdvanced", "PlanStepAdvanced"]
    subject.again()
    subject.take(result(A, f"{A}.2"), result(A, f"{A}.1"))
    assert subject.settle_until(A, 7)[5:] == ["PlanStepAdvanced", "RunCompleted"]
    assert subject.journal().faults([A, B]) == []


def test_unusable_inputs_stop_nothing_and_are_told_once(subject: Subject) -> None:
    subject.put_bytes(topics.CONTROLS, A, b"rubbish")
    subject.take(request(A, placement="pool"))
    subject.settle_until(A, 3)
    subject.take(control(PauseRun, A, reason="boom"))
    subject.take(control(SendMessage, A, content=text("hello")))
    subject.settle_until(A, 4)
    subject.again()
    subject.take(control(CancelRun, A, reason="enough"))
    assert subject.settle_until(A, 5)[3:] == ["UserMessageReceived", "RunCancelled"]
    assert letters(subject) == ["not_framed", "decider_failed"]


def test_pool_work_is_there_only_with_its_decision(subject: Subject) -> None:
    subject.take(request(A, steps=1, placement="pool"))
    subject.settle_until(A, 3)
    (work,) = subject.decoded(topics.TOOL_CALLS)
    assert getattr(work, "call_id", None) == f"{A}.1"
