"""Between handing out and beginning: a call is permitted, held, handed out again (ADR 44)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from runfold.events import run as j
from runfold.events.base import Record
from runfold.events.calls import Outcome
from runfold.events.records import commands
from runfold.events.values import Limits, RunStatus
from runfold.processors.run.agent.calls.beginnings import answer as answered
from runfold.processors.run.aggregate import RUN as AGGREGATE
from runfold.processors.run.aggregate import next_timer
from runfold.processors.run.state import CallStatus
from tests.deciders.given import (
    RUN,
    answer,
    begins,
    begun,
    broke,
    call,
    came_back,
    control,
    done,
    due,
    held,
    model_error,
    request,
)
from tests.deciders.given import (
    could_not_begin as cannot,
)
from tests.deciders.policies.test_governed import BASE, after, published, withdraw
from tests.spec import Story

CANCEL = control(commands.CancelRun, "c1", reason="enough")
PAUSE, RESUME = control(commands.PauseRun, "p1"), control(commands.ResumeRun, "p2")


def sending(**agent_changes: object) -> Story:
    return begun(**agent_changes).when(answer(call("send")))


def may_begin(story: Story, attempt: int = 1, by: str = "pool-1") -> bool:
    return answered(story.state, begins(2, attempt, by)).granted


def fired(story: Story) -> Story:
    """Let the next deadline pass, whatever has begun."""
    timer = next_timer(story.run)
    assert timer is not None
    return story.after((timer.due - story.now).total_seconds()).when(timer)


def not_done(n: int = 2) -> commands.Control:
    how = commands.Resolution.DID_NOT_HAPPEN
    return control(commands.ResolveToolCall, "r1", call_id=f"{RUN}.{n}", resolution=how)


def test_a_call_that_is_out_begins_when_it_is_asked_for() -> None:
    run = sending().when(begins(2))
    assert run.said == (j.CallBegun(call_id=f"{RUN}.2", attempt=1, kind="tool", by="pool-1"),)
    assert may_begin(run)


def test_asking_again_is_the_same_question() -> None:
    run = sending().when(begins(2), begins(2))
    assert run.said == ()
    assert may_begin(run)


def test_another_that_asks_has_found_the_work_without_a_result() -> None:
    run = sending().when(begins(2), begins(2, by="pool-2"))
    assert run.names() == ["CallBegun"]
    assert may_begin(run, by="pool-2")
    # The first was perhaps only slow; its question is still the same.
    again = run.when(begins(2))
    assert again.said == ()
    assert may_begin(again, by="pool-1")
    assert not may_begin(again, by="pool-3")


@pytest.mark.parametrize(
    ("before", "attempt"),
    [
        ((CANCEL,), 1),
        ((came_back(2),), 1),
        ((broke(2, retryable=True),), 1),
        ((begins(2), came_back(2, outcome=Outcome.UNCERTAIN, result=None)), 1),
        ((begins(2), came_back(2, outcome=Outcome.UNCERTAIN, result=None), not_done()), 1),
        ((), 2),
    ],
    ids=["cancelled", "answered", "failed", "in doubt", "resolved", "another attempt"],
)
def test_what_is_not_wanted_any_more_does_not_begin(
    before: tuple[Record, ...], attempt: int
) -> None:
    run = sending().when(*before, begins(2, attempt)) if before else sending().when(begins(2, 2))
    assert run.said == ()
    assert not may_begin(run, attempt)


def test_a_run_that_is_not_there_permits_nothing() -> None:
    assert not answered(None, begins(2)).granted


def test_a_paused_run_holds_what_asks_to_begin_and_hands_it_out_when_it_goes_on() -> None:
    run = sending().when(PAUSE, begins(2))
    assert run.only(j.CallHeld).code == "paused"
    assert not may_begin(run)
    assert next_timer(run.run) is None
    run = fired(run.after(60).when(RESUME))
    assert run.only(j.ToolCallStarted).attempt == 2
    assert may_begin(run.when(begins(2, 2)), 2)


def test_what_had_begun_before_the_pause_is_permitted_to_whoever_takes_it_over() -> None:
    run = sending().when(begins(2), PAUSE, begins(2, by="pool-2"))
    assert may_begin(run, by="pool-2")


def test_the_time_out_runs_from_the_beginning() -> None:
    run = sending().after(86_400).when(begins(2))
    timer = next_timer(run.run)
    assert timer is not None
    assert timer.due > run.now
    assert fired(run).names() == ["ToolCallUncertain", "CheckpointWritten"]


def test_what_nobody_begins_is_handed_out_again_and_waits_longer_each_time() -> None:
    run, waits = sending(), []
    for times in range(2, 12):
        before = run.now
        run = fired(run)
        again = run.only(j.CallHandedOutAgain)
        assert (again.attempt, again.times) == (1, times)
        work = AGGREGATE.dispatch(again, run.run, run.definitions)
        assert [getattr(each.record, "attempt", None) for each in work] == [1]
        waits.append(round((run.now - before).total_seconds(), -1))
    assert waits[:3] == [60, 120, 240]
    assert waits[-1] == 3600
    assert run.run.counters.tool_calls == 1
    assert may_begin(run.when(begins(2)))


def test_a_paused_run_hands_nothing_out_again() -> None:
    assert next_timer(sending().when(PAUSE).run) is None


def test_a_call_that_cannot_begin_is_no_try_and_no_failure() -> None:
    run = sending(model={"name": "scripted:x", "retry": {"max_attempts": 2}})
    for attempt in range(1, 30):
        run = run.when(cannot(2, attempt))
        assert run.names() == ["CallHeld"]
        assert run.run.status is RunStatus.WAITING_FOR_TOOL
        run = fired(run)
        assert run.only(j.ToolCallStarted).attempt == attempt + 1
    assert (run.run.counters.tool_calls, run.run.counters.retries) == (1, 0)
    # Both tries of its policy are left.
    run = fired(run.when(broke(2, 30)))
    assert run.only(j.ToolCallStarted).attempt == 31
    assert run.run.counters.retries == 1
    assert "RetryScheduled" not in run.when(broke(2, 31)).names()


def test_a_model_that_cannot_be_asked_is_waited_for() -> None:
    run = begun(limits=Limits(max_model_calls=2))
    for attempt in range(1, 10):
        run = fired(run.when(held(1, attempt)))
        assert run.only(j.ModelCalled).attempt == attempt + 1
    assert run.run.counters.model_calls == 1
    run = due(run.when(model_error(1, 10)))
    assert run.only(j.ModelCalled).attempt == 11
    ended = run.when(answer(call("complete_task", {"summary": "so"}), attempt=11))
    assert "RunCompleted" in ended.names()


def test_the_pauses_grow_to_a_minute_and_differ_from_call_to_call() -> None:
    run, delays = sending(), []
    for attempt in range(1, 12):
        run = run.when(cannot(2, attempt))
        delays.append(run.only(j.CallHeld).delay_ms)
        run = fired(run)
    assert all(500 <= delays[0] < 1000 for _ in delays)
    assert all(30_000 <= delay < 60_000 for delay in delays[6:])
    assert len(set(delays[6:])) > 1


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [(20_000, 20_000, 20_500), (-5, 500, 1_000), (2**62, 600_000, 600_500)],
)
def test_the_pause_that_was_asked_for_is_kept_within_bounds(
    asked: int, least: int, most: int
) -> None:
    fact = sending().when(cannot(2, retry_after_ms=asked)).only(j.CallHeld)
    assert least <= fact.delay_ms < most


def test_only_the_run_s_own_deadline_ends_the_waiting() -> None:
    run = begun(limits=Limits(max_duration_ms=3_600_000)).when(answer(call("send")))
    run = run.when(cannot(2))
    while run.state is not None and hasattr(run.state, "loop"):
        if "ToolCallStarted" in (run := fired(run)).names():
            run = run.when(cannot(2, run.only(j.ToolCallStarted).attempt))
    assert run.names() == ["LimitReached", "RunFailed"]


def test_a_limit_of_calls_counts_those_that_were_made() -> None:
    run = begun(limits=Limits(max_tool_calls=1)).when(answer(call("look")), cannot(2))
    run = fired(run).when(came_back(2, attempt=2), answer(call("look", {"path": "b"}), n=3))
    assert run.names()[-2:] == ["LimitReached", "RunFailed"]
    assert run.facts[-1].exit.usage.tool_calls == 1  # type: ignore[attr-defined]


def test_a_held_result_of_another_attempt_says_nothing() -> None:
    run = sending().when(cannot(2, 2))
    assert run.said == ()
    assert run.run.loop.calls[0].status is CallStatus.RUNNING


def test_a_tool_that_was_withdrawn_in_the_meantime_does_not_begin() -> None:
    run = Story(published(*BASE)).when(request(), answer(call("send")))
    gone = replace(run, definitions=after(run.definitions, withdraw("tool", "send")))
    denied = gone.when(begins(2))
    assert denied.only(j.ToolCallDenied).code == "withdrawn"
    assert "ModelCalled" in denied.names()
    assert not may_begin(denied)
    # What had begun is left to its end.
    begun_before = replace(run.when(begins(2)), definitions=gone.definitions)
    assert may_begin(begun_before.when(begins(2, by="pool-2")), by="pool-2")


def test_an_agent_that_was_withdrawn_in_the_meantime_asks_no_model() -> None:
    run = Story(published(*BASE)).when(request())
    gone = replace(run, definitions=after(run.definitions, withdraw("agent", "worker")))
    assert gone.when(begins(1)).names() == ["RunFailed"]


def test_an_answered_run_goes_on_as_ever() -> None:
    run = sending().when(begins(2), came_back(2)).when(done(n=3))
    assert run.names()[-1] == "RunCompleted"
    assert request().run_id == RUN


def test_a_call_of_which_one_after_another_dies_has_no_more_time_for_each() -> None:
    run = sending()
    for number in range(20):
        run = run.after(3600).when(begins(2, by=f"pool-{number}"))
    timer = next_timer(run.run)
    assert timer is not None
    assert timer.due < run.now


def test_a_reported_code_is_told_from_the_run_s_own() -> None:
    reported = cannot(2)
    assert reported.error is not None
    error = reported.error.model_copy(update={"error_type": "paused"})
    held_back = sending().when(reported.model_copy(update={"error": error}))
    assert held_back.only(j.CallHeld).code == "reported_paused"


def test_what_was_begun_and_then_held_by_another_is_paid_for_when_it_comes() -> None:
    run = fired(sending().when(begins(2), cannot(2)))
    late = run.when(came_back(2, cost=Decimal("0.5")))
    assert (late.only(j.LateResultNoted).cost, late.run.counters.tool_calls) == (Decimal("0.5"), 1)
    assert late.when(came_back(2, cost=Decimal("0.5"))).said == ()
    run = fired(begun().when(begins(1), held(1)))
    assert run.only(j.ModelCalled).attempt == 2
    late = run.when(answer())
    assert late.only(j.LateResultNoted).cost == Decimal("0.01")
    assert late.when(answer()).said == ()


def test_of_what_never_began_nothing_is_owed() -> None:
    run = fired(begun().when(held(1)))
    assert run.when(answer()).said == ()
