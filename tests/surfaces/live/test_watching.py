"""Below what waits for a person stands what to type, with an id that commands take."""

from __future__ import annotations

import pytest

from runfold.events import run as j
from runfold.events.avro.samples import sample
from runfold.events.base import Fact
from runfold.events.values import RunStatus
from runfold.events.wording import coded
from runfold.surfaces.cli import output
from runfold.surfaces.cli.runs.asking import command_for, command_of
from runfold.surfaces.cli.runs.queued import waits_for
from runfold.surfaces.cli.runs.watching import watch
from tests.deciders.given import RUN
from tests.support.builders.stories import STORIES, history
from tests.support.builders.timed import Run

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


def queued(*reasons: str, position: int | None = 2) -> list[j.Event]:
    run = Run("r1").begins()
    for reason in reasons:
        run.add(j.RunQueued(reason=reason, position=position), RunStatus.QUEUED)
    return run.events


SPENT = coded(
    "budget_spent",
    {"of": "acme", "period": "month", "left": "0.1", "unit": "usd", "limit": "3", "need": "1"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (SPENT, "until 2026-04-01 00:00 UTC, when the month turns"),
        (coded("at_cap", {"of": "the tenant", "running": 2}), "until one of those that run has"),
        (coded("behind_others", {}), "until those before it have begun"),
        ("a reason of a newer release", "until its tenant admits it"),
        (coded("budget_spent", {"period": "century"}), "for that budget"),
    ],
)
def test_a_run_that_its_tenant_has_wait_says_until_when_once(
    capsys: pytest.CaptureFixture[str], reason: str, said: str
) -> None:
    # The month is that of the event, whenever it is looked at.
    watch(queued(reason, reason))
    (told,) = [line for line in capsys.readouterr().out.splitlines() if "→" in line]
    assert f"→ it waits {said}" in told
    assert told.endswith(", as number 2 of the queue: runfold tenant show acme")


def test_who_was_admitted_waits_for_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    events = queued(SPENT)
    watch(events, live=False)
    assert "when the month turns" in capsys.readouterr().out
    run = Run("r1", events=events).add(sample(j.RunAdmitted))
    watch(run.events, live=False)
    assert "→" not in capsys.readouterr().out
    asks = Run("r2").begins().add(sample(j.RunQueued))
    assert isinstance(asks.events[-1].fact, j.RunQueued)
    assert (waits_for(asks.events[-1]) is None) is (asks.events[-1].fact.asks is not None)
