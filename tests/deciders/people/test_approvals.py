"""Who may approve, what is approved, and how many it takes."""

from __future__ import annotations

from typing import Any

import pytest

from runfold.events import run as j
from runfold.events.contents.content import json_content, text
from runfold.events.people.approvals import Approver, Shown, shown_digest
from runfold.events.records import commands
from runfold.events.values import RunStatus
from runfold.events.wording import plain
from tests.deciders.given import RUN, agent, answer, begun, call, control, tool
from tests.deciders.governed import (
    after,
    announced,
    asking,
    changed,
    policy,
)
from tests.deciders.policies.test_governed import published
from tests.spec import Story

PAY = tool("pay", risk_level=4, effect="money leaves the account", reversible=False)
CALLS = 'permit(principal, action == Action::"tool.call", resource);'
TREASURER = """@id("treasury")
permit(principal in Role::"treasurer", action == Action::"tool.approve", resource == Tool::"pay");
"""


def paying(*rules: str, **asked: Any) -> Story:
    known = published(
        PAY, agent(tools=("pay",)), *(policy(each, f"p{n}") for n, each in enumerate(rules))
    )
    return asking(known, call("pay"), **asked)


def approve(
    by: str = "ann", *roles: str, request_id: str | None = None, **more: Any
) -> commands.Control:
    given = {"call_id": f"{RUN}.2", "actor_id": by, "roles": roles}
    return control(commands.ApproveToolCall, request_id or f"by-{by}", **(given | more))


def shown(story: Story) -> bytes:
    """The digest of the question that is open."""
    found = [fact for fact in story.facts if isinstance(fact, j.ApprovalRequested)]
    assert found[-1].shown_digest is not None
    return found[-1].shown_digest


def refused(story: Story) -> str | None:
    return story.only(j.RequestIgnored).code


def starts(story: Story) -> bool:
    return any(isinstance(fact, j.ToolCallStarted) for fact in story.facts)


def test_what_is_asked_names_all_that_is_shown() -> None:
    run = paying(CALLS)
    asked = run.only(j.ApprovalRequested)
    assert asked.shown_digest == shown_digest(
        Shown(
            call_id=f"{RUN}.2",
            attempt=1,
            tool="pay@1.0",
            content=json_content({"path": "a"}).digest,
            options=(),
            level=4,
            effect="money leaves the account",
            reversible=False,
            agent="worker@1.0",
            user="user-1",
            goal=text("find out").digest,
            cost=run.run.counters.cost,
        )
    )
    assert asked.cost_so_far == run.run.counters.cost > 0


def test_a_question_names_what_is_shown_too() -> None:
    run = begun().when(answer(call("ask_human", {"question": "which?", "options": ["a", "b"]})))
    asked = run.only(j.HumanInputRequested)
    assert asked.shown_digest is not None
    stale = control(
        commands.AnswerQuestion, question_id=f"{RUN}.2", content=text("a"), shown_digest=b"x" * 32
    )
    run = run.when(stale)
    assert refused(run) == "stale"
    run = run.when(
        stale.model_copy(update={"request_id": "r2", "shown_digest": asked.shown_digest})
    )
    assert run.only(j.HumanInputReceived).shown_digest == asked.shown_digest


def test_a_digest_of_another_question_begins_nothing_and_the_call_still_waits() -> None:
    run = paying(CALLS).when(approve(shown_digest=b"?" * 32))
    assert run.names() == ["RequestIgnored"]
    assert refused(run) == "stale"
    assert "look at it again" in plain(run.only(j.RequestIgnored).reason)
    assert run.run.status is RunStatus.WAITING_FOR_HUMAN


def test_a_denial_of_something_else_is_stale_too() -> None:
    run = paying()
    no = control(commands.DenyToolCall, call_id=f"{RUN}.2", reason="no", shown_digest=b"?" * 32)
    assert refused(run.when(no)) == "stale"
    said = run.when(no.model_copy(update={"shown_digest": shown(run)}))
    assert said.only(j.ToolCallDenied).shown_digest == shown(run)


def test_without_policies_one_person_is_enough_and_nothing_more_is_on_record() -> None:
    run = paying().when(approve())
    assert run.names() == ["ToolCallApproved", "ToolCallStarted"]
    assert run.said[0] == j.ToolCallApproved(call_id=f"{RUN}.2", request_id="by-ann")


def test_two_persons_approve_a_high_risk_where_policies_are_in_force() -> None:
    run = paying(CALLS)
    assert run.only(j.PolicyDecided).obligations == ("approval", "approvers:2")
    terms = run.only(j.ApprovalRequested).terms
    assert terms is not None
    assert terms.approvers == 2
    digest = shown(run)
    run = run.when(approve("ann", shown_digest=digest))
    given = run.only(j.ApprovalGiven)
    assert (given.needed, given.approvers) == (2, (Approver(id="ann"),))
    assert run.names() == ["ApprovalGiven"]
    assert not starts(run)
    run = run.when(approve("bob", shown_digest=digest))
    assert run.names() == ["ToolCallApproved", "PolicyDecided", "ToolCallStarted"]
    assert [each.id for each in run.only(j.ToolCallApproved).approvers] == ["ann", "bob"]


def test_one_person_is_not_two() -> None:
    run = paying(CALLS)
    digest = shown(run)
    run = run.when(approve("ann", shown_digest=digest))
    run = run.when(approve("ann", request_id="again", shown_digest=digest))
    assert refused(run) == "already_approved"
    assert not starts(run)


def test_several_approvals_need_the_digest_of_what_was_shown() -> None:
    run = paying(CALLS).when(approve())
    assert refused(run) == "not_shown"


def test_a_permit_says_how_many_and_may_loosen_the_default() -> None:
    one = paying('@approvers("1") ' + CALLS).when(approve())
    assert starts(one)
    three = paying('@approvers("3") ' + CALLS)
    for who in ("ann", "bob"):
        three = three.when(approve(who, shown_digest=shown(three)))
        assert not starts(three)
    assert starts(three.when(approve("eve", shown_digest=shown(three))))


def test_of_several_permits_the_strictest_holds() -> None:
    run = paying('@approvers("1") ' + CALLS, '@id("three") @approvers("3") ' + CALLS)
    assert "approvers:3" in run.only(j.PolicyDecided).obligations


def test_approvers_ask_where_no_level_does() -> None:
    look = tool("look", risk_level=0)
    known = published(look, agent(tools=("look",)), policy('@approvers("2") ' + CALLS))
    assert asking(known, call("look")).only(j.ApprovalRequested).terms is not None


def test_the_requester_does_not_approve_where_a_permit_says_so() -> None:
    run = paying('@approvers("1") @requester("never") ' + CALLS, user_id="ann")
    run = run.when(approve("ann"))
    assert refused(run) == "forbidden"
    assert starts(run.when(approve("bob")))


def test_who_is_not_on_the_list_may_not_approve() -> None:
    run = paying('@approvers("1") ' + CALLS, TREASURER).when(approve("bob", "clerk"))
    assert run.names() == ["PolicyDecided", "RequestIgnored"]
    decided = run.only(j.PolicyDecided)
    assert (decided.principal, decided.action) == ("user/bob", "tool.approve")
    assert (decided.effect, decided.roles) == (j.PolicyEffect.FORBID, ("clerk",))
    assert refused(run) == "forbidden"
    assert run.run.status is RunStatus.WAITING_FOR_HUMAN
    run = run.when(approve("ann", "treasurer"))
    assert run.names()[:2] == ["PolicyDecided", "ToolCallApproved"]
    assert run.said[0].policy_ids == ("treasury",)  # type: ignore[attr-defined]
    assert starts(run)


def test_a_list_for_one_tool_says_nothing_of_others() -> None:
    other = TREASURER.replace('"pay"', '"refund"')
    run = paying('@approvers("1") ' + CALLS, other).when(approve("bob"))
    assert starts(run)


def test_a_forbid_may_compare_approver_and_requester() -> None:
    four_eyes = """forbid(principal, action == Action::"tool.approve", resource)
    when { context.requester == principal };"""
    run = paying('@approvers("1") ' + CALLS, four_eyes, user_id="ann").when(approve("ann"))
    assert refused(run) == "forbidden"
    assert starts(run.when(approve("bob")))


def test_edited_arguments_are_another_question_for_those_who_come_next() -> None:
    run = paying(CALLS)
    first = shown(run)
    run = run.when(approve("ann", shown_digest=first))
    edited = json_content({"path": "b"})
    run = run.when(approve("bob", shown_digest=first, arguments=edited))
    assert run.names() == [
        "ApprovalGiven",
        "PolicyDecided",
        "ApprovalRequested",
        "CheckpointWritten",
    ]
    assert [each.id for each in run.only(j.ApprovalRequested).approvers] == ["bob"]
    assert shown(run) != first
    assert refused(run.when(approve("eve", shown_digest=first))) == "stale"
    done = run.when(approve("ann", request_id="again", shown_digest=shown(run)))
    assert starts(done)
    assert done.run.loop.round[0].arguments == edited


def test_a_policy_that_comes_later_asks_for_another_person() -> None:
    run = paying('@approvers("1") ' + CALLS)
    stricter = policy('@approvers("2") ' + CALLS, "p0", version="2.0")
    run = changed(run, after(run.definitions, *announced(stricter)))
    run = run.when(approve("ann"))
    assert not starts(run)
    assert [each.id for each in run.only(j.ApprovalRequested).approvers] == ["ann"]
    assert starts(run.when(approve("bob", shown_digest=shown(run))))


def test_a_permit_may_demand_the_digest() -> None:
    run = paying('@approvers("1") @shown("required") ' + CALLS)
    assert refused(run.when(approve())) == "not_shown"
    assert starts(run.when(approve(shown_digest=shown(run))))


@pytest.mark.parametrize(
    ("kind", "name", "more"),
    [
        (commands.CancelRun, "cancel", {}),
        (commands.PauseRun, "pause", {}),
        (commands.SendMessage, "tell", {"content": text("go on")}),
        (commands.DenyToolCall, "deny", {"call_id": f"{RUN}.2", "reason": "no"}),
    ],
)
def test_who_may_do_what_to_a_run_is_asked_of_policies(
    kind: type[commands.Control], name: str, more: dict[str, Any]
) -> None:
    rule = f"""@id("ops")
    permit(principal in Role::"ops", action == Action::"run.control", resource)
    when {{ context.control == "{name}" }};"""
    run = paying(CALLS, rule)
    no = run.when(control(kind, actor_id="bob", **more))
    assert no.names() == ["PolicyDecided", "RequestIgnored"]
    assert refused(no) == "forbidden"
    yes = run.when(control(kind, actor_id="bob", roles=("ops",), **more))
    assert yes.only(j.PolicyDecided).control_id == "r1"
    assert "RequestIgnored" not in yes.names()


def test_a_rule_in_error_keeps_nobody_from_stopping_a_run() -> None:
    broken = """@id("broken") forbid(principal, action == Action::"run.control", resource)
    when { context.nothing == "x" };"""
    run = paying(CALLS, broken)
    assert refused(run.when(control(commands.SendMessage, content=text("x")))) == "forbidden"
    run = run.when(control(commands.CancelRun, "r2"))
    assert run.names()[:2] == ["PolicyDecided", "RunCancelled"]
