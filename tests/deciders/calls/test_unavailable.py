"""A tool that is left alone: the run waits, goes on without it, or ends, as its agent says."""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.calls import Outcome
from runfold.events.values import ErrorInfo, RunStatus
from runfold.processors.run.state import CallStatus
from tests.deciders.given import answer, begins, begun, call, came_back
from tests.spec import Story

OPEN = ErrorInfo(error_type="circuit_open", message="left alone", retryable=True)
FULL = ErrorInfo(error_type="no_room", message="full", retryable=True)


def held(n: int, error: ErrorInfo = OPEN) -> object:
    return came_back(n, outcome=Outcome.HELD, result=None, error=error)


def calls(**declared: str) -> Story:
    return begun(when_unavailable=declared).when(answer(call("look")))


def test_it_waits_where_nothing_is_declared() -> None:
    for declared in ({}, {"look": "wait"}, {"send": "skip"}):
        run = calls(**declared).when(held(2))
        assert run.names() == ["CallHeld"]


def test_the_model_is_told_and_goes_on_without_it() -> None:
    run = calls(look="skip").when(held(2))
    assert run.names() == ["CallHeld", "ToolCallDenied", "ContextHydrated", "ModelCalled"]
    denied = run.only(j.ToolCallDenied)
    assert denied.code == "unavailable"
    assert "look is unavailable" in denied.reason
    assert run.run.counters.tool_calls == 0
    assert b"look is unavailable" in (run.run.loop.transcript.messages[-1].content.inline or b"")


def test_other_calls_of_the_answer_come_back_first() -> None:
    run = begun(when_unavailable={"look": "skip"})
    run = run.when(answer(call("look"), call("send", id="c2"))).when(held(2))
    assert run.names() == ["CallHeld", "ToolCallDenied"]
    assert run.run.status is RunStatus.RUNNING_TOOL


def test_the_run_ends_where_it_cannot_do_without() -> None:
    run = calls(look="fail").when(held(2))
    failed = run.only(j.RunFailed)
    assert (failed.exit.exit_code, failed.error.error_type) == (4, "unavailable")


def test_what_is_held_for_another_reason_waits() -> None:
    run = calls(look="skip").when(held(2, FULL))
    assert run.names() == ["CallHeld"]
    (waiting,) = run.run.loop.round
    assert waiting.status is CallStatus.HELD


def test_a_call_that_another_has_begun_is_not_given_up() -> None:
    run = calls(look="skip").when(begins(2)).when(held(2))
    assert run.names() == ["CallHeld"]
