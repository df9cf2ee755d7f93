"""Who acts for somebody absent, where policies say who approves, how many, and who may not."""

from __future__ import annotations

from typing import Any

import pytest

from runfold.events import run as j
from runfold.events.people.approvals import Approver
from runfold.events.records import commands
from tests.deciders.given import agent, call, due, tool
from tests.deciders.governed import asking, policy
from tests.deciders.people.test_approvals import (
    CALLS,
    TREASURER,
    approve,
    paying,
    refused,
    shown,
    starts,
)
from tests.deciders.people.test_escalation import delegated
from tests.deciders.policies.test_governed import published
from tests.spec import Story

ONE = '@approvers("1") '


def approves(run: Story, by: str, behalf: str | None, *roles: str) -> Story:
    said = approve(by, *roles, request_id=f"{by} for {behalf}", shown_digest=shown(run))
    assert isinstance(said, commands.ApproveToolCall)
    return run.when(said.model_copy(update={"on_behalf_of": behalf}))


@pytest.mark.parametrize(("first", "second"), [("ann", "bob"), ("bob", "ann")])
def test_a_person_and_who_acts_for_them_are_not_two(first: str, second: str) -> None:
    run = delegated(paying(CALLS))
    behalf: dict[str, str | None] = {"ann": None, "bob": "ann"}
    run = approves(run, first, behalf[first])
    assert run.names() == ["ApprovalGiven"]
    assert run.only(j.ApprovalGiven).on_behalf_of == behalf[first]
    run = approves(run, second, behalf[second])
    assert refused(run) == "already_approved"
    assert starts(approves(run, "eve", None))


def test_who_acts_for_the_requester_may_not_approve_what_the_requester_may_not() -> None:
    run = delegated(paying(ONE + '@requester("never") ' + CALLS, user_id="ann"))
    assert refused(approves(run, "bob", "ann")) == "forbidden"
    assert starts(approves(run, "bob", None))


def test_a_role_that_was_delegated_is_judged_as_their_own() -> None:
    run = delegated(paying(ONE + CALLS, TREASURER), roles=["treasurer"])
    assert refused(approves(run, "bob", None, "clerk")) == "forbidden"
    run = approves(run, "bob", "ann", "clerk")
    assert starts(run)
    (approver,) = run.only(j.ToolCallApproved).approvers
    assert approver == Approver(id="bob", roles=("clerk", "treasurer"), on_behalf_of="ann")


def test_a_delegation_of_nothing_gives_no_role() -> None:
    run = paying(ONE + CALLS, TREASURER)
    run = approves(run, "bob", "ann", "clerk")
    assert "has_not_delegated" in str(run.only(j.RequestIgnored).reason)
    assert not starts(run)


@pytest.mark.parametrize(
    "rule",
    ['@approvers("2") ', '@requester("never") ', '@holds("once") ', '@shown("required") '],
)
def test_time_approves_nothing_that_policies_ask_persons_for(rule: str) -> None:
    """An end of ``approve`` is for calls that no policy speaks of."""
    low = tool("send", risk_level=1, approval="always")
    told: dict[str, Any] = {"approvals": {"ask": [], "steps": [], "end": "approve", "end_ms": 1000}}
    bot = agent(tools=("send",), escalation=told)
    free = due(asking(published(low, bot, policy(CALLS)), call("send")))
    assert free.only(j.ToolCallApproved).by_deadline
    held = due(asking(published(low, bot, policy(rule + CALLS)), call("send")))
    assert held.only(j.ToolCallDenied).code == "not_decided"
