"""From end to end, in memory: tried first, judged, rolled back, and decided again the same."""

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

PURGED: list[str] = []


@runfold.tool(risk_level=3, dry_run={"argument": "dry_run"})
def purge(folder: str, dry_run: bool = False) -> str:
    """Remove what is old."""
    if folder == "nowhere":
        raise ValueError("there is no such folder")
    if dry_run:
        return f"would remove 3 files of {folder}"
    PURGED.append(folder)
    return "removed 3 files"


@runfold.tool(risk_level=0)
def look(place: str) -> str:
    """Look at a place."""
    raise RuntimeError(f"{place} is closed")


def agent(**more: Any) -> AgentDefinition:
    return AgentDefinition.model_validate(
        {
            "name": "worker",
            "version": "1.0",
            "instructions": "work",
            "prompt_version": "p1",
            "model": ModelChoice(name="scripted:x"),
            "tools": ("purge", "look"),
            **more,
        }
    )


def test_who_approves_reads_what_the_dry_run_found_and_then_it_happens(tmp_path: Path) -> None:
    PURGED.clear()
    said_ = (
        answer("", call("purge", folder="nowhere")),
        answer("", call("purge", folder="old")),
        complete("done"),
    )
    model = FakeModel(*said_)
    run = MemoryRuntime(agent(), purge, look, model=model).run("tidy up", agent="worker")
    (wait,) = run.waits
    assert wait.question.endswith('Its dry run: "would remove 3 files of old"')
    assert PURGED == []
    assert "there is no such folder" in model.shown()
    run.approve(wait.call_id)
    assert run.completion.status == "success"
    assert PURGED == ["old"]
    assert len([fact for fact in run.facts if isinstance(fact, j.ToolCallStarted)]) == 1
    assert any("dry run by purge failed" in said(fact) for fact in run.facts)
    record_history(run, tmp_path / "tried.json")
    check_history(tmp_path / "tried.json")


def test_a_judge_and_a_roll_back_from_end_to_end(tmp_path: Path) -> None:
    brakes = {
        "error_streak": {"threshold": 2, "reactions": ["roll_back"]},
        "goal_drift": {
            "threshold": 60,
            "reactions": ["ask"],
            "judge": {"rubric": "It keeps to the folders it was given.", "every": 3},
        },
    }
    model = FakeModel(
        answer("", call("look", place="a")),
        answer("", call("look", place="b")),
        answer("", call("look", place="c")),
        answer("", call("give_verdict", score=90, reason="it looks elsewhere")),
        complete("done"),
    )
    run = MemoryRuntime(agent(brakes=brakes), purge, look, model=model).run("go", agent="worker")
    told = [said(fact) for fact in run.facts]
    assert any(each.startswith("brake error_streak, roll_back") for each in told)
    assert "the judge says: drift 90 of 100" in told
    (wait,) = run.waits
    assert "goal_drift" in wait.question
    run.answer(wait.call_id, "stop looking")
    assert run.completion.status == "success"
    assert run.only(j.JudgeAnswered).score == 90
    record_history(run, tmp_path / "judged.json")
    check_history(tmp_path / "judged.json")
