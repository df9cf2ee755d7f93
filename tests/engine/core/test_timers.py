"""Deadlines: inputs like any other, rebuilt at restore."""

from __future__ import annotations

from datetime import timedelta

from runfold.processors.engine.aggregate import Timer
from runfold.processors.engine.core.inputs import Due
from runfold.processors.engine.core.timers import Timers
from tests.engine.lab import Lab
from tests.engine.toys.job import NOW, control, request
from tests.engine.toys.job_records import CancelJob

SECOND = timedelta(seconds=1)


def test_a_due_timer_is_decided_and_named_as_the_cause() -> None:
    lab = Lab()
    lab.take(request("job-1", timer_ms=2000))
    lab.pass_time(SECOND)
    assert lab.types("job-1")[-1] == "JobSlept"
    lab.pass_time(SECOND)
    assert lab.types("job-1")[-2:] == ["StepAdvanced", "JobCompleted"]
    meta = lab.events("job-1")[-1].meta
    assert meta.cause == "timer/wake/job-1.wake/1"
    assert meta.time == NOW + 2 * SECOND


def test_timers_are_rebuilt_at_restore() -> None:
    lab = Lab()
    lab.take(request("job-1", timer_ms=2000))
    lab.restart()
    lab.pass_time(2 * SECOND)
    assert lab.types("job-1")[-1] == "JobCompleted"


def test_a_timer_of_a_run_that_has_ended_does_nothing() -> None:
    lab = Lab()
    lab.take(request("job-1", timer_ms=2000), control(CancelJob, "job-1", reason=""))
    lab.pass_time(2 * SECOND)
    assert lab.types("job-1")[-1] == "JobCancelled"
    assert lab.dead() == []


def test_a_deadline_that_the_run_has_dropped_does_nothing() -> None:
    lab = Lab()
    lab.take(request("job-1", timer_ms=2000))
    dropped = Timer(NOW, "wake", "an earlier one", 1)
    outcome = lab._fold.take([Due("job-1", dropped)], lab.partition_state, NOW)
    assert not outcome.writes


def test_deadlines_come_out_earliest_first_and_only_when_due() -> None:
    timers = Timers()
    late, early = (Timer(NOW + n * SECOND, "wake", "", n) for n in (2, 1))
    timers.put("b", late)
    timers.put("a", early)
    timers.put("c", None)
    assert timers.seconds_left(NOW) == 1
    assert list(timers.due(NOW, 10)) == []
    assert list(timers.due(NOW + 2 * SECOND, 1)) == [Due("a", early)]
    assert timers.seconds_left(NOW + 3 * SECOND) == 0
    assert list(timers.due(NOW + 2 * SECOND, 1)) == [Due("b", late)]
    assert timers.seconds_left(NOW) is None


def test_a_deadline_in_place_of_another_comes_alone() -> None:
    timers = Timers()
    timers.put("a", Timer(NOW + SECOND, "wake", "", 1))
    timers.put("a", later := Timer(NOW + 2 * SECOND, "wake", "", 2))
    assert timers.seconds_left(NOW) == 2
    assert list(timers.due(NOW + 3 * SECOND, 10)) == [Due("a", later)]


def test_a_run_without_a_deadline_any_more_is_left_alone() -> None:
    timers = Timers()
    timers.put("a", Timer(NOW + SECOND, "wake", "", 1))
    timers.put("a", None)
    assert timers.seconds_left(NOW) is None
    assert list(timers.due(NOW + 2 * SECOND, 10)) == []


def test_dropped_deadlines_do_not_pile_up() -> None:
    timers = Timers()
    timers.put("sleeps", last := Timer(NOW + 20_000 * SECOND, "wake", "", 0))
    for number in range(10_000):
        timers.put("works", Timer(NOW + number * SECOND, "wake", "", number))
    assert len(timers) < 2000
    timers.put("works", None)
    assert list(timers.due(NOW + 20_000 * SECOND, 10)) == [Due("sleeps", last)]


def test_the_same_deadline_noted_again_comes_once() -> None:
    timers = Timers()
    for _ in range(3):
        timers.put("a", Timer(NOW + SECOND, "wake", "", 1))
    assert list(timers.due(NOW + 2 * SECOND, 10)) == [Due("a", Timer(NOW + SECOND, "wake", "", 1))]
