"""Taking over, delegating and what waits, from the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from runfold.events import run as j
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run
from runfold.surfaces.cli.runs.approvals import show_approvals
from tests.deciders.given import RUN, TENANT, request
from tests.support.builders.stories import LOOKS
from tests.surfaces.answering import answering, context_of
from tests.surfaces.test_approvals import AT, approval
from tests.surfaces.test_people import facts

CALL = f"{RUN}.2"


@pytest.fixture(autouse=True)
def of_the_runs_tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Speak as the tenant that the stories are about."""
    monkeypatch.setenv("RUNFOLD_TENANT", TENANT)


def test_a_run_is_taken_over_answered_and_handed_back(capsys: pytest.CaptureFixture[str]) -> None:
    log = answering(request(), LOOKS)
    to = context_of(log)
    assert run(["takeover", RUN, "--by", "ann", "--reason", "it is lost", "--for", "2h"], to) == 0
    assert "taken over by a person: it is lost" in capsys.readouterr().out
    assert run(["result", CALL, '{"lines": 3}', "--by", "ann"], to) == exits.OK
    look = ["--call", "look", "--arguments", '{"path": "b"}']
    assert run(["reply", RUN, "--text", "I look", *look, "--by", "ann"], to) == exits.OK
    assert run(["handback", RUN, "--by", "ann", "--reason", "found"], to) == exits.OK
    (taken,) = facts(log, j.RunTakenOver)
    assert (taken.by, taken.hold_ms) == ("ann", 7_200_000)  # type: ignore[attr-defined]
    (replied,) = facts(log, j.PersonReplied)
    assert replied.answer.tool_calls[0].name == "look"  # type: ignore[attr-defined]


def test_whoever_does_not_hold_a_run_is_told_who_does(capsys: pytest.CaptureFixture[str]) -> None:
    log = answering(request(), LOOKS)
    run(["takeover", RUN, "--by", "ann"], context_of(log))
    assert run(["handback", RUN, "--by", "bob"], context_of(log)) == exits.NO
    assert "ann, who took it over" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["takeover", RUN, "--for", "soon"], "not a span of time"),
        (["reply", RUN, "--call", "look", "--arguments", "{"], "not JSON"),
        (["reply", RUN, "--arguments", "{}"], "belongs to a --call"),
        (["result", CALL, "{"], "not JSON"),
        (["delegate", "to", "bob", "--until", "soon"], "is no moment"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], typed: list[str], said: str
) -> None:
    assert run(typed, context_of(answering(request(), LOOKS))) == exits.USAGE
    assert said in capsys.readouterr().err


def test_a_delegation_is_given_listed_and_taken_back(capsys: pytest.CaptureFixture[str]) -> None:
    to = context_of(answering(request()))
    given = ["--until", "14d", "--role", "duty", "--reason", "holiday", "--user", "ann"]
    assert run(["delegate", "to", "bob", *given], to) == exits.OK
    assert "bob acts for ann until" in capsys.readouterr().out
    assert run(["delegate", "list", "--json"], to) == exits.OK
    (listed,) = json.loads(capsys.readouterr().out)
    assert (listed["person"], listed["delegate"], listed["roles"]) == ("ann", "bob", ["duty"])
    ends = datetime.fromisoformat(listed["ends_at"]) - datetime.now(UTC)
    assert timedelta(days=13) < ends <= timedelta(days=14)
    assert run(["delegate", "revoke", "bob", "--for", "ann"], to) == exits.OK
    run(["delegate", "list"], to)
    assert "Nobody acts for anybody." in capsys.readouterr().out


def test_a_delegation_that_cannot_hold_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    to = context_of(answering(request()))
    assert run(["delegate", "to", "me", "--until", "1d"], to) != exits.OK
    assert "Me cannot act for themselves" in capsys.readouterr().err
    assert run(["delegate", "to", "bob", "--until", "2020-01-01"], to) != exits.OK
    assert "ends before it begins" in capsys.readouterr().err


def test_what_waits_says_who_is_asked_now(capsys: pytest.CaptureFixture[str]) -> None:
    asks = ("role/duty", "user/bob for user/ann")
    until = AT + timedelta(minutes=30)
    waits = approval(step=2, steps=3, asks=asks, asks_until=until, asks_text="#ops: look")
    show_approvals([waits], json=False)
    said = capsys.readouterr().out
    assert "asked      role/duty, user/bob for user/ann (step 2 of 3) until 2026-" in said
    assert ": #ops: look" in said
