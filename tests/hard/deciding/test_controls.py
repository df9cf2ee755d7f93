"""The calls that a run answers itself are held to the schemas that the model was offered."""

from __future__ import annotations

from typing import Any

import pytest

from runfold.events import run as j
from runfold.events.calls import Outcome
from runfold.events.values import ErrorInfo, RunStatus
from tests.deciders.given import answer, call, came_back, tool
from tests.hard.deciding.given import COUNTED, begun_with
from tests.spec import Story

LOOK = tool("look", risk_level=0)
STEP = {"id": "1", "description": "look", "status": "pending"}


def begun(monkeypatch: pytest.MonkeyPatch, number: int = COUNTED) -> Story:
    return begun_with(monkeypatch, number, LOOK)


BREACHES: dict[str, tuple[str, dict[str, Any], str]] = {
    "a result that is no object": ("complete_task", {"summary": "s", "result": "r"}, "$.result"),
    "artifacts that are no list": ("complete_task", {"summary": "s", "artifacts": "a"}, "$.arti"),
    "a result of a failure": ("fail_task", {"reason": "r", "result": [1]}, "$.result"),
    "options that are no texts": ("ask_human", {"question": "q", "options": [1]}, "$.options[0]"),
    "a status that nobody offered": (
        "update_plan",
        {"steps": [STEP, {**STEP, "status": "almost"}]},
        "$.steps[1].status",
    ),
    "a tool that is no text": ("update_plan", {"steps": [{**STEP, "tool": 7}]}, "$.steps[0].tool"),
}


@pytest.mark.parametrize("name", BREACHES)
def test_a_breach_is_handed_back_with_its_place(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tool_name, arguments, place = BREACHES[name]
    story = begun(monkeypatch).when(answer(call(tool_name, arguments)))
    assert place in story.only(j.ToolCallDenied).reason
    assert story.run.status is not RunStatus.WAITING_FOR_HUMAN
    assert story.run.loop.plan is None


def test_what_fits_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    story = begun(monkeypatch).when(answer(call("update_plan", {"steps": [STEP]})))
    assert story.only(j.PlanProposed).plan.steps[0].status == "pending"


@pytest.mark.parametrize("number", [1, 2, 3])
def test_runs_of_earlier_behaviours_are_decided_as_before(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = call("complete_task", {"summary": "s", "result": "r", "artifacts": ["no.md"]})
    assert "RunCompleted" in begun(monkeypatch, number).when(answer(ends)).names()


def looked(story: Story, result: object, **changes: Any) -> Story:
    return story.when(answer(call("look", {"path": "asked.txt"}))).when(
        came_back(2, result, **changes)
    )


@pytest.mark.parametrize(
    "named", ["made.md", "/box/made.md", "asked.txt", "artifact:acme/00", "made in words.csv"]
)
def test_artifacts_that_a_call_made_or_was_asked_for_may_be_named(
    named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = {
        "at": [{"path": "/box/made.md"}],
        "ref": "artifact:acme/00",
        "said": "made in words.csv now",
    }
    story = looked(begun(monkeypatch), result)
    ends = call("complete_task", {"summary": "s", "artifacts": [named]})
    assert "RunCompleted" in story.when(answer(ends, n=3)).names()


@pytest.mark.parametrize("named", ["never.md", "artifact:acme/77", " "])
def test_artifacts_that_nothing_made_are_handed_back(
    named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = looked(begun(monkeypatch), {"path": "made.md"})
    ends = call("complete_task", {"summary": "s", "artifacts": ["made.md", named]})
    story = story.when(answer(ends, n=3))
    assert f"names the artifact {named}" in story.only(j.ToolCallDenied).reason
    assert story.run.loop.malformed == 1


def test_a_call_that_failed_made_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    error = ErrorInfo(error_type="tool_error", message="no made.md", retryable=False)
    story = looked(begun(monkeypatch), None, outcome=Outcome.FAILED, error=error)
    ends = call("complete_task", {"summary": "s", "artifacts": ["asked.txt"]})
    assert "ToolCallDenied" in story.when(answer(ends, n=3)).names()


def test_where_a_result_lies_elsewhere_the_journal_cannot_tell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    story = looked(begun(monkeypatch), {"artifact": "artifact:acme/00", "excerpt": "…"})
    ends = call("complete_task", {"summary": "s", "artifacts": ["somewhere.md"]})
    assert "RunCompleted" in story.when(answer(ends, n=3)).names()
