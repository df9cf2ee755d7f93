"""Runs whose agents have brakes, and what they do; for the specifications of brakes."""

from __future__ import annotations

from typing import Any

from runfold.events import run as j
from runfold.events.contents.content import text
from runfold.events.records import commands
from runfold.events.values import ProposedCall
from tests.deciders.given import answer, begun, broke, call, came_back, control
from tests.spec import Story

NO_LIMITS = {"max_model_calls": 900, "max_tool_calls": 900, "max_identical_calls": 900}


def braked(**brakes: Any) -> Story:
    return begun(brakes=brakes, limits=NO_LIMITS)


def then(*reactions: str, threshold: object = 2, **more: Any) -> dict[str, Any]:
    return {"threshold": threshold, "reactions": reactions, **more}


def answered(run: Story, *calls: ProposedCall, **more: Any) -> Story:
    """Let the model that is out answer."""
    out = run.run.loop.model_call
    assert out is not None
    return run.when(answer(*calls, n=int(out.call_id.rpartition(".")[2]), **more))


def works(run: Story, *paths: str, tool: str = "look", succeeds: bool = True) -> Story:
    """Let the model make one call after another."""
    for path in paths:
        run = answered(run, call(tool, {"path": path}))
        n = run.run.next_call - 1
        run = run.when(came_back(n) if succeeds else broke(n, retryable=False))
    return run


def fails(run: Story, *paths: str) -> Story:
    return works(run, *paths, succeeds=False)


def plans(run: Story, *statuses: str, tool: str | None = None) -> Story:
    """Let the model say where the steps of its plan stand."""
    steps = [
        {"id": str(n), "description": "a step", "status": status} | ({"tool": tool} if tool else {})
        for n, status in enumerate(statuses, 1)
    ]
    return answered(run, call("update_plan", {"steps": steps}))


def brakes_of(run: Story) -> list[j.BrakeApplied]:
    return [fact for fact in run.facts if isinstance(fact, j.BrakeApplied)]


def hears(run: Story, words: str) -> Story:
    asked = [fact for fact in run.facts if isinstance(fact, j.HumanInputRequested)][-1]
    return run.when(
        control(
            commands.AnswerQuestion,
            f"answers {asked.question_id}",
            question_id=asked.question_id,
            content=text(words),
        )
    )
