"""What people do from the command line, and what it tells them came of it."""

from __future__ import annotations

import json

import pytest

from runfold.events import run as j
from runfold.events import topics
from runfold.events.calls import Outcome
from runfold.events.records import commands
from runfold.events.run import Event
from runfold.surfaces import words
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run
from runfold.surfaces.cli.context import Context
from tests.deciders.given import RUN, TENANT, answer, call, came_back, request
from tests.support.builders.stories import ASKS, LOOKS, SENDS, STORIES, WRITES
from tests.surfaces.answering import AnsweringLog, answering, context_of

CALL = f"{RUN}.2"


@pytest.fixture(autouse=True)
def of_the_runs_tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Speak as the tenant that the stories are about."""
    monkeypatch.setenv("RUNFOLD_TENANT", TENANT)


def last(log: AnsweringLog) -> Event:
    *_, found = log.read(topics.EVENTS, key=RUN)
    assert isinstance(found.record, Event)
    return found.record


def facts(log: AnsweringLog, kind: type) -> list[object]:
    return [
        found.record.fact
        for found in log.read(topics.EVENTS, key=RUN)
        if isinstance(found.record, Event) and isinstance(found.record.fact, kind)
    ]


def test_approve_lets_the_call_run_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    log = answering(request(), WRITES)
    assert run(["approve", CALL, "--reason", "fine"], context_of(log)) == exits.OK
    assert "#2 approved by a person: fine (waiting_for_tool" in capsys.readouterr().out
    assert isinstance(last(log).fact, j.ToolCallStarted)


def test_approve_with_edited_arguments_puts_them_in_place() -> None:
    log = answering(request(), WRITES)
    assert run(["approve", CALL, "--arguments", '{"path": "b"}'], context_of(log)) == exits.OK
    (approved,) = facts(log, j.ToolCallApproved)
    assert approved.arguments.inline == b'{"path":"b"}'  # type: ignore[attr-defined]


def test_arguments_that_do_not_fit_are_ignored_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    log = answering(request(), WRITES)
    assert run(["approve", CALL, "--arguments", '{"path": 3}'], context_of(log)) == exits.NO
    assert "do not fit" in capsys.readouterr().out
    assert facts(log, j.ToolCallStarted) == []


def test_arguments_that_are_no_json_are_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    log = answering(request(), WRITES)
    assert run(["approve", CALL, "--arguments", "{"], context_of(log)) == exits.USAGE
    assert "This is not JSON" in capsys.readouterr().err


def test_deny_tells_the_model_why() -> None:
    log = answering(request(), WRITES)
    assert run(["deny", CALL, "--reason", "too early"], context_of(log)) == exits.OK
    (denied,) = facts(log, j.ToolCallDenied)
    assert denied.reason == "too early"  # type: ignore[attr-defined]


def test_answer_answers_the_agents_question() -> None:
    log = answering(request(), ASKS)
    assert run(["answer", CALL, "the second"], context_of(log)) == exits.OK
    (received,) = facts(log, j.HumanInputReceived)
    assert received.content.inline == b"the second"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("option", "kind"),
    [("--happened", j.ToolCallSucceeded), ("--did-not-happen", j.ToolCallApproved)],
)
def test_resolve_settles_an_uncertain_call(option: str, kind: type) -> None:
    unsure = came_back(2, outcome=Outcome.UNCERTAIN, result=None)
    log = answering(request(), SENDS, unsure)
    assert run(["resolve", CALL, option], context_of(log)) == exits.OK
    assert facts(log, kind)[-1].request_id  # type: ignore[attr-defined]


def test_resolve_without_saying_how_is_a_usage_error() -> None:
    assert run(["resolve", CALL], context_of(answering(request(), SENDS))) == exits.USAGE


def test_pause_resume_tell_instruct_and_cancel_each_leave_their_fact() -> None:
    log = answering(request(), LOOKS)
    for command, kind in (
        (["pause", RUN], j.RunPaused),
        (["resume", RUN], j.RunResumed),
        (["tell", RUN, "look there"], j.UserMessageReceived),
        (["instruct", RUN, "be brief"], j.UserMessageReceived),
        (["cancel", RUN, "--reason", "enough"], j.RunCancelled),
    ):
        assert run(command, context_of(log)) == exits.OK
        assert facts(log, kind)


def test_what_cannot_apply_is_told_with_its_reason_and_exit_code_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = answering(request(), LOOKS)
    assert run(["resume", RUN], context_of(log)) == exits.NO
    said = capsys.readouterr().out
    assert "the request to resume the run changed nothing: the run is not paused" in said
    assert f"→ how the run stands: runfold status {RUN[:18]}" in said


@pytest.mark.parametrize("command", [("approve",), ("deny",), ("resolve", "--happened")])
def test_a_wrong_number_of_a_call_leads_to_what_waits(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    log = answering(request(), SENDS)
    name, *more = command
    assert run([name, f"{RUN}.9", *more], context_of(log)) == exits.NO
    said = capsys.readouterr().out
    assert "of call #9 changed nothing: " in said
    assert f"runfold approvals --run {RUN[:18]}" in said
    assert run(["logs", RUN], context_of(log)) == exits.OK
    assert f"runfold approvals --run {RUN[:18]}" in capsys.readouterr().out


def test_a_wait_that_a_control_did_not_settle_is_on_the_logs_still(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = answering(request(), WRITES)
    assert run(["approve", CALL, "--arguments", '{"path": 3}'], context_of(log)) == exits.NO
    assert "→ what waits for a person in this run" in capsys.readouterr().out
    run(["logs", RUN], context_of(log))
    assert f"→ runfold approve {RUN[:18]}.2, or runfold deny" in capsys.readouterr().out


def test_every_control_is_named_in_words() -> None:
    for kind in commands.Control.__subclasses__():
        ignored = j.RequestIgnored(
            request_id="r", control=kind.__name__, reason="no", tenant_id="acme", call_id=CALL
        )
        assert kind.__name__ not in words.said(ignored)
        assert words.said(ignored).endswith(" changed nothing: no")


def test_json_says_whether_it_applied(capsys: pytest.CaptureFixture[str]) -> None:
    log = answering(request(), LOOKS)
    assert run(["resume", RUN, "--json"], context_of(log)) == exits.NO
    said = json.loads(capsys.readouterr().out)
    assert said["applied"] is False
    assert said["type"] == "RequestIgnored"


def test_another_tenants_run_is_not_touched(capsys: pytest.CaptureFixture[str]) -> None:
    log = answering(request(), LOOKS)
    assert run(["cancel", RUN, "--tenant", "umbrella"], context_of(log)) == exits.NOT_FOUND
    foreign = capsys.readouterr().err
    assert run(["cancel", RUN, "--tenant", "umbrella"], context_of(answering())) == exits.NOT_FOUND
    assert foreign == capsys.readouterr().err
    assert facts(log, j.RunCancelled) == []


def test_a_run_that_has_ended_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    log = answering(*STORIES["completes"])
    assert run(["pause", RUN], context_of(log)) == exits.NO
    assert "has ended already, as completed" in capsys.readouterr().err
    assert list(log.read(topics.CONTROLS)) == []


def test_a_run_that_is_not_there_is_not_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pause", RUN], context_of(answering())) == exits.NOT_FOUND
    assert "has no events" in capsys.readouterr().err


@pytest.mark.parametrize("typed", ["nonsense", f"{RUN}.x", "zz.3"])
def test_what_is_no_calls_id_is_said_so(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["approve", typed], context_of(answering())) == exits.NOT_FOUND
    assert typed.partition(".")[0] in capsys.readouterr().err


def test_a_control_that_nobody_takes_is_said_after_a_bounded_wait(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Context, "acts_within", 0.5)
    log = answering(request(), LOOKS)
    log.deaf = True
    assert run(["pause", RUN], context_of(log)) == exits.TRY_AGAIN
    assert "nothing of it is on the journal" in capsys.readouterr().err


def test_a_run_that_ends_while_we_wait_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    log = answering(request(), answer(call("look")))
    context = context_of(log)
    assert run(["cancel", RUN], context) == exits.OK
    assert "cancelled by a person" in capsys.readouterr().out


def shown(log: AnsweringLog) -> str:
    """The digest of what the run last asked a person."""
    asked = (*facts(log, j.ApprovalRequested), *facts(log, j.HumanInputRequested))
    return asked[-1].shown_digest.hex()  # type: ignore[attr-defined, no-any-return]


def test_an_approval_carries_what_is_open_and_for_what_it_holds() -> None:
    log = answering(request(), WRITES)
    typed = ["approve", CALL, "--for", "pattern", "--where", "/path=a", "--times", "3"]
    assert run(typed, context_of(log)) == exits.OK
    (approved,) = facts(log, j.ToolCallApproved)
    assert approved.shown_digest.hex() == shown(log)  # type: ignore[attr-defined]
    assert approved.holds.where[0].one_of == ('"a"',)  # type: ignore[attr-defined]
    assert approved.holds.times == 3  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", [["approve", CALL], ["deny", CALL]])
def test_a_decision_on_something_else_is_stale(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    log = answering(request(), WRITES)
    assert run([*command, "--digest", "ab" * 32], context_of(log)) == exits.NO
    (ignored,) = facts(log, j.RequestIgnored)
    assert ignored.code == "stale"  # type: ignore[attr-defined]
    assert "is not what was shown" in capsys.readouterr().out
    assert run([*command, "--digest", shown(log)[:12]], context_of(log)) == exits.OK


def test_an_answer_to_another_question_is_stale() -> None:
    log = answering(request(), ASKS)
    assert run(["answer", CALL, "that", "--digest", "ab" * 32], context_of(log)) == exits.NO
    assert run(["answer", CALL, "that", "--digest", shown(log)[:8]], context_of(log)) == exits.OK
    (received,) = facts(log, j.HumanInputReceived)
    assert received.shown_digest.hex() == shown(log)  # type: ignore[attr-defined]


def test_what_an_approval_cannot_hold_for_is_refused_before_it_is_sent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = answering(request(), WRITES)
    assert run(["approve", CALL, "--for", "ever"], context_of(log)) != exits.OK
    assert "once, run, tool, pattern" in capsys.readouterr().err
    assert facts(log, j.ToolCallApproved) == []
