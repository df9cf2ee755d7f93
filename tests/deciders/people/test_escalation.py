"""While nobody decides: who is asked, who is asked next, and what happens in the end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from runfold.events import run as j
from runfold.events.contents.content import text
from runfold.events.definitions import AuthorityDelegated
from runfold.events.records import commands
from runfold.events.values import RunStatus
from runfold.events.wording import plain
from runfold.processors.definitions.record import fold
from runfold.processors.run.lifecycle.deadlines import next_timer
from runfold.surfaces.words import said
from tests.deciders.given import (
    LOOK,
    RUN,
    SEND,
    WRITE,
    agent,
    answer,
    call,
    came_back,
    control,
    definitions,
    due,
    request,
    tool,
)
from tests.spec import START, Story

MINUTE = 60_000
STEPS = [
    {"after_ms": 15 * MINUTE, "ask": ["user/ann"], "text": "#ops: please look"},
    {"after_ms": 30 * MINUTE, "ask": ["role/duty"]},
]


def escalation(**changes: Any) -> dict[str, Any]:
    given = {"ask": ["role/approver"], "steps": STEPS, "end": "deny", "end_ms": 60 * MINUTE}
    return {"approvals": given | changes}


def asking(said: dict[str, Any], *tools: Any, name: str = "write") -> Story:
    known = definitions(*(tools or (LOOK, WRITE, SEND)), agent(escalation=said))
    return Story(known).when(request(), answer(call(name)))


def delegated(run: Story, **changes: Any) -> Story:
    """Let ann have bob act for her, from now on for a day, unless the changes say otherwise."""
    given = {
        "kind": "delegation",
        "name": "ann",
        "delegate": "bob",
        "tenant": None,
        "starts_at": run.now,
        "ends_at": run.now + timedelta(days=1),
        "reason": "holiday",
        "decided_at": run.now,
        "decided_by": "ann",
    }
    record = AuthorityDelegated.model_validate(given | changes)
    known, refused = fold(run.definitions, record, run.definitions.position)
    assert refused == ""
    return Story(known, run.state, run.now, run.facts)


def approves(run: Story, by: str, **more: Any) -> Story:
    said = control(commands.ApproveToolCall, f"a {by}", actor_id=by, call_id=f"{RUN}.2", **more)
    return run.when(said)


def test_the_one_who_asks_says_who_is_asked_and_until_when() -> None:
    run = asking(escalation())
    asked = run.only(j.ApprovalRequested)
    assert asked.asks == ("role/approver",)
    assert asked.until == run.now + timedelta(minutes=15)
    assert asked.deadline == run.now + timedelta(minutes=105)


def test_each_step_asks_others_and_then_the_end_comes() -> None:
    run = due(asking(escalation()))
    first = run.only(j.WaitEscalated)
    assert (first.step, first.steps, first.asks) == (1, 2, ("user/ann",))
    assert first.text == "#ops: please look"
    assert first.until == run.now + timedelta(minutes=30)
    assert run.run.status is RunStatus.WAITING_FOR_HUMAN
    run = due(run)
    assert run.only(j.WaitEscalated).asks == ("role/duty",)
    run = due(run)
    assert run.only(j.ToolCallDenied).code == "not_decided"
    assert run.names()[-1] == "ModelCalled"


def test_an_approval_in_time_ends_the_asking() -> None:
    run = approves(due(asking(escalation())), "ann")
    assert run.names() == ["ToolCallApproved", "ToolCallStarted"]
    assert "approval" not in {timer.kind for timer in [next_timer(run.run)] if timer}


def test_every_step_is_a_deadline_of_its_own() -> None:
    run = asking(escalation())
    kinds = []
    for _ in range(3):
        timer = next_timer(run.run)
        assert timer is not None
        kinds.append(timer.kind)
        run = due(run)
    assert kinds == ["approval", "approval1", "approval2"]


def test_a_lane_that_was_away_gives_those_of_the_next_step_their_time() -> None:
    run = asking(escalation())
    timer = next_timer(run.run)
    assert timer is not None
    run = run.after(10 * 3600).when(timer)
    assert run.only(j.WaitEscalated).until == run.now + timedelta(minutes=30)


@pytest.mark.parametrize("name", ["write", "send"])
def test_a_deadline_approves_up_to_level_one_and_denies_above(name: str) -> None:
    send = tool("send", risk_level=2)
    run = asking(escalation(steps=[], end="approve"), LOOK, WRITE, send, name=name)
    run = due(run)
    if name == "send":
        assert run.only(j.ToolCallDenied).code == "not_decided"
        return
    assert run.names() == ["ToolCallApproved", "ToolCallStarted"]
    approved = run.only(j.ToolCallApproved)
    assert (approved.request_id, approved.by_deadline) == (None, True)
    assert "nobody decided in time" in said(approved)
    assert run.when(came_back(2)).names()[0] == "ToolCallSucceeded"


def test_the_run_fails_where_the_agent_says_so() -> None:
    run = due(asking(escalation(steps=[], end="fail")))
    failed = run.only(j.RunFailed)
    assert (failed.error.error_type, failed.exit.exit_code) == ("not_decided", 3)
    assert f"{RUN}.2 (write)" in plain(failed.error.message)


def test_a_run_waits_for_ever_where_the_agent_says_so() -> None:
    run = due(due(asking(escalation(end="wait", end_ms=None))))
    assert run.only(j.WaitEscalated).until is None
    timer = next_timer(run.run)
    assert timer is None or not timer.kind.startswith("approval")


def test_a_contracts_time_out_bounds_the_steps_of_the_agent() -> None:
    write = tool("write", risk_level=1, approval_timeout_ms=20 * MINUTE)
    run = asking(escalation(end="fail"), LOOK, write, SEND)
    assert run.only(j.ApprovalRequested).deadline == run.now + timedelta(minutes=20)
    asked = run.now
    run = due(run)
    assert run.only(j.WaitEscalated).until == asked + timedelta(minutes=20)
    assert due(run).only(j.ToolCallDenied).code == "not_decided"


def test_without_an_escalation_nothing_new_is_said() -> None:
    write = tool("write", risk_level=1, approval_timeout_ms=MINUTE)
    run = asking({}, LOOK, write, SEND)
    asked = run.only(j.ApprovalRequested)
    assert (asked.asks, asked.until) == ((), None)
    assert asked.deadline == run.now + timedelta(minutes=1)
    assert not run.run.idle.asking
    assert due(run).only(j.ToolCallDenied).code == "not_decided"


def test_questions_have_steps_of_their_own() -> None:
    steps = {"questions": {"steps": STEPS[:1], "end": "deny", "end_ms": MINUTE}}
    known = definitions(LOOK, WRITE, SEND, agent(escalation=steps))
    run = Story(known).when(request(), answer(call("ask_human", {"question": "which?"})))
    assert run.only(j.HumanInputRequested).until == run.now + timedelta(minutes=15)
    run = due(run)
    assert run.only(j.WaitEscalated).asks == ("user/ann",)
    assert due(run).only(j.ToolCallDenied).code == "not_decided"


def test_an_answer_to_a_question_says_for_whom_it_was_given() -> None:
    steps = {"questions": {"ask": ["user/ann"]}}
    known = definitions(LOOK, WRITE, SEND, agent(escalation=steps))
    run = delegated(Story(known).when(request()))
    run = run.when(answer(call("ask_human", {"question": "which?"})))
    assert run.only(j.HumanInputRequested).asks == ("user/ann", "user/bob for user/ann")
    said_ = {"question_id": f"{RUN}.2", "content": text("a"), "actor_id": "bob"}
    run = run.when(control(commands.AnswerQuestion, "q", **said_))
    assert run.only(j.HumanInputReceived).on_behalf_of == "ann"


def test_a_step_asks_whoever_stands_in_for_those_who_are_absent() -> None:
    run = due(delegated(asking(escalation())))
    assert run.only(j.WaitEscalated).asks == ("user/ann", "user/bob for user/ann")
    assert approves(run, "bob").only(j.ToolCallApproved).on_behalf_of == "ann"
    assert approves(run, "ann").only(j.ToolCallApproved).on_behalf_of is None
    assert approves(run, "eve").only(j.ToolCallApproved).on_behalf_of is None


def test_a_role_that_was_delegated_by_name_is_stood_in_for() -> None:
    run = delegated(due(asking(escalation())), roles=["duty"])
    run = due(run)
    assert run.only(j.WaitEscalated).asks == ("role/duty", "user/bob for user/ann")
    assert approves(run, "bob").only(j.ToolCallApproved).on_behalf_of == "ann"


@pytest.mark.parametrize(
    "changes",
    [
        {"tools": ["send"]},
        {"tenant": "other"},
        {"starts_at": START + timedelta(days=2), "ends_at": START + timedelta(days=3)},
    ],
)
def test_a_delegation_of_something_else_makes_nobody_stand_in(changes: dict[str, Any]) -> None:
    run = due(delegated(asking(escalation()), **changes))
    assert run.only(j.WaitEscalated).asks == ("user/ann",)
    assert approves(run, "bob").only(j.ToolCallApproved).on_behalf_of is None


def test_a_person_says_for_whom_they_decide_and_is_refused_where_that_is_not_so() -> None:
    run = asking({})
    refused = approves(run, "bob", on_behalf_of="ann").only(j.RequestIgnored)
    assert "ann has not delegated to bob" in plain(refused.reason)
    run = delegated(run)
    assert approves(run, "bob", on_behalf_of="ann").only(j.ToolCallApproved).on_behalf_of == "ann"
    denied = control(
        commands.DenyToolCall, "d", actor_id="bob", call_id=f"{RUN}.2", reason="no",
        on_behalf_of="ann",
    )  # fmt: skip
    assert run.when(denied).only(j.ToolCallDenied).on_behalf_of == "ann"


def test_a_delegation_that_is_revoked_or_over_holds_no_more() -> None:
    run = delegated(asking({}))
    late = run.after(2 * 86_400)
    assert approves(late, "bob", on_behalf_of="ann").names() == ["RequestIgnored"]
    gone = delegated(run, revoked=True)
    assert approves(gone, "bob", on_behalf_of="ann").names() == ["RequestIgnored"]


@pytest.mark.parametrize(
    ("changes", "said_"),
    [
        ({"approvals": {"steps": [], "end": "deny"}}, "end_ms"),
        ({"approvals": {}}, "nothing follows"),
        ({"approvals": {"ask": ["ann"]}}, "role/NAME or user/NAME"),
        ({"approvals": {"ask": ["role/x"], "end_ms": 5}}, "leave end_ms out"),
        ({"questions": {"end": "approve", "end_ms": 5}}, "a question cannot be approved"),
        ({"approvals": {"steps": [{"after_ms": 0, "ask": ["role/x"]}]}}, "greater than"),
        ({"approvals": {"steps": [{"after_ms": 5, "ask": []}]}}, "say who is asked"),
    ],
)
def test_an_escalation_that_leads_nowhere_is_refused(changes: dict[str, Any], said_: str) -> None:
    with pytest.raises(ValidationError, match=said_):
        agent(escalation=changes)
