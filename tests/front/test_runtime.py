"""Runs driven in memory: time, retries, people, faults, and what a test is told when it errs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import runfold
from runfold.events import run as j
from runfold.events.contents.content import json_content
from runfold.events.definitions import AgentDefinition, ModelChoice, RetryPolicy
from runfold.events.values import Limits, Placement
from runfold.testing import (
    NEVER,
    START,
    FakeModel,
    MemoryRun,
    MemoryRuntime,
    answer,
    broken_call,
    call,
    complete,
    error,
    fail,
    silence,
    slow,
)


@runfold.tool(risk_level=0, retry=RetryPolicy(max_attempts=2, initial_ms=1000))
def look(place: str) -> str:
    """Look at a place."""
    return f"{place} is fine"


@runfold.tool(risk_level=2, idempotent=True, approval="always", approval_timeout_ms=60_000)
def change(place: str) -> str:
    """Change a place."""
    return f"{place} is changed"


@runfold.tool(risk_level=3, approval="never", timeout_ms=1000)
def send(to: str) -> str:
    """Send something, without a key that would make it safe to do again."""
    return f"sent to {to}"


def agent(**changes: Any) -> AgentDefinition:
    given: dict[str, Any] = {
        "name": "worker",
        "version": "1.0",
        "instructions": "work",
        "prompt_version": "p1",
        "model": ModelChoice(name="scripted:x", retry=RetryPolicy(max_attempts=2)),
        "tools": ("look", "change", "send"),
        "limits": Limits(max_model_calls=10, max_tool_calls=10),
    }
    return AgentDefinition(**{**given, **changes})


def started(model: FakeModel, **more: Any) -> tuple[MemoryRuntime, MemoryRun]:
    runtime = MemoryRuntime(agent(), look, change, send, model=model, **more)
    return runtime, runtime.run("do it", agent="worker")


def test_a_run_of_marked_functions_ends_as_the_model_says() -> None:
    model = FakeModel(answer("so", call("look", place="here")), complete("done", {"n": 1}))
    _, run = started(model)

    assert run.completion.payload == {"summary": "done", "result": {"n": 1}}
    assert run.only(j.ToolCallSucceeded).result == json_content("here is fine")
    assert [event.seq for event in run.events] == list(range(1, len(run.facts) + 1))


def test_answers_take_virtual_time() -> None:
    runtime, run = started(
        FakeModel(answer("", call("look", place="a"), seconds=2), complete("done", seconds=1)),
        tools={"look": slow("fine", 4)},
    )

    assert run.ended
    assert runtime.now - START == timedelta(seconds=7)
    assert run.completion.usage.latency_ms == 7000


def test_a_model_that_fails_is_asked_again_after_a_pause() -> None:
    model = FakeModel(error("overloaded", retryable=True), complete("done"))
    runtime, run = started(model)

    assert (run.completion.exit_code, len(model.asked)) == (0, 2)
    assert run.only(j.RetryScheduled).due == runtime.now


def test_a_model_that_never_answers_meets_its_time_out() -> None:
    _, run = started(FakeModel(silence(), silence()))

    assert run.completion.exit_code == 4


def test_a_call_whose_answer_is_lost_waits_for_a_person() -> None:
    model = FakeModel(answer("", call("send", to="ann")), complete("done"))
    runtime, run = started(model, tools={"send": slow("sent", NEVER)})
    (wait,) = run.waits
    outcome = run.resolve(wait.call_id, "happened", result="sent")

    assert (wait.kind, outcome.type, run.completion.exit_code) == (
        "uncertain", "ToolCallSucceeded", 0,
    )  # fmt: skip
    assert runtime.now > START


@pytest.mark.parametrize("waits", [True, False])
def test_an_approval_that_nobody_gives_runs_out_at_its_time(waits: bool) -> None:
    model = FakeModel(answer("", call("change", place="a")), fail("nobody agreed"))
    runtime, run = started(model)
    runtime.pass_time(seconds=59 if waits else 60)

    assert run.ended is not waits
    assert bool(run.waits) is waits


def test_what_is_approved_is_what_the_person_edited() -> None:
    seen: list[str] = []

    def stand_in(place: str) -> str:
        seen.append(place)
        return "ok"

    model = FakeModel(answer("", call("change", place="a")), complete("done"))
    _, run = started(model, tools={"change": stand_in})
    run.approve(run.waits[0].call_id, arguments={"place": "b"})

    assert (seen, run.completion.exit_code) == (["b"], 0)


def test_a_run_goes_on_after_a_restart() -> None:
    model = FakeModel(answer("", call("change", place="a")), complete("done"))
    runtime, run = started(model)
    runtime.restart()
    run.approve(run.waits[0].call_id)

    assert run.completion.exit_code == 0
    assert list(run.history().differences()) == []


def test_malformed_arguments_and_breaches_of_a_schema_are_said_to_the_model() -> None:
    model = FakeModel(
        answer("", broken_call("look", "{pla")), answer("", call("look", there=1)), complete("done")
    )
    _, run = started(model)
    told = [model.shown(1), model.shown(2)]

    assert run.completion.exit_code == 0
    assert "not JSON" in told[0]
    assert "place" in told[1]


def test_an_exception_in_the_place_of_a_tool_is_what_the_tool_raises() -> None:
    refusal = runfold.ToolRefusedError("not today", error_type="denied")
    model = FakeModel(answer("", call("look", place="a")), complete("done"))
    _, run = started(model, tools={"look": refusal})

    assert run.only(j.ToolCallFailed).error.message == "not today"


def test_calls_in_a_pool_and_in_the_process_are_made_alike() -> None:
    local = agent(
        model=ModelChoice(name="scripted:x", placement=Placement.POOL), tools=("look", "change")
    )
    model = FakeModel(answer("", call("look", place="a")), complete("done"))
    run = MemoryRuntime(local, look, change, model=model).run("do it", agent="worker")

    assert run.completion.exit_code == 0


def test_people_steer_a_run() -> None:
    model = FakeModel(answer("", call("change", place="a")), complete("done"))
    _, run = started(model)
    outcomes = [run.pause("wait"), run.tell("mind the gap"), run.instruct("be brief"), run.resume()]
    cancelled = run.cancel("enough")

    assert [outcome.type for outcome in outcomes] == [
        "RunPaused", "UserMessageReceived", "UserMessageReceived", "RunResumed",
    ]  # fmt: skip
    assert (cancelled.applied, run.completion.exit_code) == (True, 5)
    with pytest.raises(runfold.RunEndedError):
        run.pause()


def test_the_same_test_gives_the_same_journal() -> None:
    def told() -> tuple[bytes, ...]:
        model = FakeModel(answer("", call("look", place="a")), complete("done"))
        return started(model)[1].history().values

    first, again = told(), told()
    assert len(first) == len(again) > 5
    assert first[0] == again[0]


def test_a_model_that_is_asked_too_often_says_so() -> None:
    with pytest.raises(AssertionError, match="was asked 2 times and was given 1 answers"):
        started(FakeModel(answer("", call("look", place="a"))))


def test_a_stand_in_for_no_tool_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no tool 'lok'"):
        started(FakeModel(), tools={"lok": 1})


def test_a_run_that_has_not_ended_says_what_it_waits_for() -> None:
    _, run = started(FakeModel(answer("", call("change", place="a"))))

    with pytest.raises(runfold.NotYetError, match="it is waiting_for_human, and waits for approva"):
        _ = run.completion
