"""Brakes from end to end, in memory: applied, told in words, decided again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import runfold
from runfold.events import run as j
from runfold.events.definitions import AgentDefinition, ModelChoice
from runfold.surfaces.words import said
from runfold.testing import (
    FakeModel,
    MemoryRuntime,
    answer,
    call,
    check_history,
    complete,
    record_history,
)


@runfold.tool(risk_level=0)
def look(place: str) -> str:
    """Look at a place."""
    raise RuntimeError(f"{place} is closed")


@runfold.tool(risk_level=0)
def send(to: str) -> str:
    """Send something."""
    return f"sent to {to}"


def started(model: FakeModel, **brakes: Any) -> MemoryRuntime:
    agent = AgentDefinition.model_validate(
        {
            "name": "worker",
            "version": "1.0",
            "instructions": "work",
            "prompt_version": "p1",
            "model": ModelChoice(name="scripted:x"),
            "tools": ("look", "send"),
            "brakes": brakes,
        }
    )
    return MemoryRuntime(agent, look, send, model=model)


def looks(*places: str) -> list[Any]:
    return [answer("", call("look", place=place)) for place in places]


STREAK = {"threshold": 2, "reactions": ["think_again", "ask", "stop"]}


def test_a_run_that_fails_thinks_again_asks_and_stops(tmp_path: Path) -> None:
    runtime = started(FakeModel(*looks("a", "b", "c", "d", "e", "f")), error_streak=STREAK)
    run = runtime.run("do it", agent="worker")
    (wait,) = run.waits
    assert wait.kind == "question"
    assert wait.question == (
        "The brake error_streak holds worker (score 2). How should it go on? "
        "The model reads the answer; to end the run, cancel it."
    )
    run.answer(wait.call_id, "look elsewhere")
    exit_ = run.completion
    assert (exit_.status, exit_.exit_code) == ("failure", 3)
    told = [said(fact) for fact in run.facts]
    assert "watched by the brakes error_streak" in told
    assert [each for each in told if each.startswith("brake ")] == [
        "brake error_streak, think_again: 2 calls failed one after another (threshold 2)",
        "brake error_streak, ask: 2 calls failed one after another (threshold 2)",
        "brake error_streak, stop: 2 calls failed one after another (threshold 2)",
    ]
    assert any("a brake asks: The brake error_streak holds worker" in each for each in told)
    failed = run.only(j.RunFailed)
    assert "2 calls failed one after another" in said(failed)

    record_history(run, tmp_path / "braked.json")
    check_history(tmp_path / "braked.json")


def test_a_slow_run_waits_and_goes_on(tmp_path: Path) -> None:
    brake = {"threshold": 1, "reactions": ["slow"], "slow_ms": 60_000}
    runtime = started(FakeModel(*looks("a"), complete("closed")), error_streak=brake)
    run = runtime.run("do it", agent="worker")
    assert not run.ended
    runtime.pass_time(60)
    assert run.completion.exit_code == 0
    slowed = next(event for event in run.events if event.type == "BrakeApplied")
    called = [event for event in run.events if event.type == "ModelCalled"][-1]
    assert called.time == run.only(j.BrakeApplied).due
    assert (called.time - slowed.time).total_seconds() == 60

    record_history(run, tmp_path / "slowed.json")
    check_history(tmp_path / "slowed.json")


def test_a_run_that_says_sent_where_nothing_was_sent(tmp_path: Path) -> None:
    brake = {"threshold": 1, "reactions": ["think_again", "stop"], "claims": {"sent": "send"}}
    model = FakeModel(
        complete("It is sent."), answer("", call("send", to="ann")), complete("It is sent.")
    )
    run = started(model, unfounded_claims=brake).run("do it", agent="worker")
    assert run.completion.exit_code == 0
    assert "no call of send has succeeded" in run.only(j.ToolCallDenied).reason

    record_history(run, tmp_path / "claimed.json")
    check_history(tmp_path / "claimed.json")
