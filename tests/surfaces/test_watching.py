"""Below what waits for a person stands what to type, with an id that commands take."""

from __future__ import annotations

import pytest

from runfold.events import run as j
from runfold.events.avro.samples import sample
from runfold.events.base import Fact
from runfold.surfaces.cli import output
from runfold.surfaces.cli.runs.asking import command_for, command_of
from runfold.surfaces.cli.runs.watching import watch
from tests.deciders.given import RUN
from tests.support.builders.stories import STORIES, history

APPROVED = history(STORIES["is approved"])[0]
ASKED_AT = next(n for n, e in enumerate(APPROVED) if isinstance(e.fact, j.ApprovalRequested))
COMMAND = f"runfold approve {RUN[:18]}.2, or runfold deny {RUN[:18]}.2 --reason 'WHY'"


def test_whoever_follows_a_run_is_told_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    watch(APPROVED[: ASKED_AT + 1])
    *_, asked, told = capsys.readouterr().out.splitlines()
    assert "It waits for a person" in asked
    assert told.strip() == f"→ {COMMAND}"


def test_a_log_tells_of_what_waits_still(capsys: pytest.CaptureFixture[str]) -> None:
    watch(APPROVED[: ASKED_AT + 1], live=False)
    assert capsys.readouterr().out.endswith(f"→ {COMMAND}\n")
    watch(APPROVED, live=False)
    assert "runfold approve" not in capsys.readouterr().out


def test_json_stays_json(capsys: pytest.CaptureFixture[str]) -> None:
    watch(APPROVED[: ASKED_AT + 1], json=True)
    assert all(line.startswith("{") for line in capsys.readouterr().out.splitlines())


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (j.ApprovalRequested, "approve"),
        (j.HumanInputRequested, "answer"),
        (j.ToolCallUncertain, "resolve"),
    ],
)
def test_each_wait_has_its_command(kind: type[Fact], word: str) -> None:
    fact, other = sample(kind), sample(j.RunPaused)
    assert isinstance(fact, Fact)
    assert isinstance(other, Fact)
    found = command_of(fact)
    assert found is not None
    call, command = found
    assert command.startswith(f"runfold {word} {output.short(call)}")
    assert command_of(other) is None
    assert command_for("tool_call", call) == command_for("approval", call)
