"""A sound journal is called sound while runs end, and what is missing is missing all the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from runfold.events import topics
from runfold.events.run import Event
from runfold.producers.log.memory import MemoryLog
from runfold.producers.log.port import Delivery
from runfold.surfaces.audit import completions
from runfold.surfaces.audit.journal import verify
from tests.deciders.given import RUN
from tests.support.builders.stories import STORIES, written_history
from tests.surfaces.answering import answering


class Growing:
    """A log that grows at a named question: ``after`` counts the questions before it."""

    def __init__(self, log: MemoryLog, topic: str, grow: Any, after: int = 0) -> None:
        self._log, self._topic, self._grow, self._after = log, topic, grow, after

    def read(self, topic: str, *args: Any, **more: Any) -> Iterator[Delivery]:
        return self._log.read(topic, *args, **more)

    def begins(self, topic: str) -> Mapping[int, int]:
        return self._log.begins(topic)

    def ends(self, topic: str) -> Mapping[int, int]:
        if topic == self._topic:
            self._after -= 1
            if self._after == -1:
                self._grow()
        return self._log.ends(topic)


def _parts() -> tuple[MemoryLog, list[bytes], list[bytes], Event]:
    """Return a log, a run's events before its last decision and of it, and its end."""
    written, _ = written_history(STORIES["completes"])
    end = written[-1][1]
    before = [value for value, event in written if event.meta.cause != end.meta.cause]
    last = [value for value, event in written if event.meta.cause == end.meta.cause]
    return answering(), before, last, end


def _append(log: MemoryLog, values: list[bytes]) -> None:
    for value in values:
        log.append(topics.EVENTS, value, RUN.encode())


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completions, "SETTLE_S", 1.0)


def test_a_run_that_ends_between_the_readings_is_judged_by_what_was_there() -> None:
    log, before, last, end = _parts()
    _append(log, before)

    def ends() -> None:
        _append(log, last)
        log.append_event(end, topics.COMPLETIONS)

    (verdict,) = verify(Growing(log, topics.COMPLETIONS, ends))
    assert verdict.faults == ()
    assert (verdict.events, verdict.ended) == (len(before), False)


def test_a_completion_that_is_seen_later_than_its_end_is_waited_for() -> None:
    log, before, last, end = _parts()
    _append(log, [*before, *last])
    late = Growing(log, topics.COMPLETIONS, lambda: log.append_event(end, topics.COMPLETIONS), 1)
    (verdict,) = verify(late)
    assert (verdict.faults, verdict.ended) == ((), True)


def test_an_end_that_is_seen_later_than_its_completion_is_waited_for() -> None:
    log, before, last, end = _parts()
    _append(log, before)
    log.append_event(end, topics.COMPLETIONS)
    # The first question fixes the end of the reading, the second looks for the missing end.
    late = Growing(log, topics.EVENTS, lambda: _append(log, last), 2)
    verdicts = {each.run_id: each for each in verify(late)}
    assert verdicts[RUN].faults == ()


def test_a_completion_that_never_comes_is_a_fault() -> None:
    log, before, last, _ = _parts()
    _append(log, [*before, *last])
    (verdict,) = verify(log)
    assert [fault.kind for fault in verdict.faults] == ["completion"]


def test_a_completion_of_a_run_that_has_not_ended_is_a_fault() -> None:
    log, before, _, end = _parts()
    _append(log, before)
    log.append_event(end, topics.COMPLETIONS)
    (verdict,) = verify(log)
    assert [fault.kind for fault in verdict.faults] == ["completion"]
