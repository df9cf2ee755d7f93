"""Approvals that hold for more than one call: what they cover, and how often they are spent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from runfold.events import run as j
from runfold.events.contents.content import json_content
from runfold.events.definitions import Definitions
from runfold.events.people.approvals import ArgumentBound, Holds, HoldsFor
from runfold.events.records import commands
from runfold.events.wording import plain
from runfold.processors.run.approvals import bounds
from runfold.processors.run.approvals.grants import MOST_GRANTS
from runfold.processors.run.state_hash import state_hash
from tests.deciders.given import agent, answer, call, came_back, control, request, tool
from tests.deciders.governed import after, announced, changed, policy
from tests.deciders.policies.test_governed import published
from tests.spec import Story

SCHEMA = {
    "type": "object",
    "properties": {"amount": {"type": "number"}, "to": {"type": "string"}},
}
PAY = tool("pay", risk_level=2, input_schema=SCHEMA, policy_arguments=("amount",))
WIRE = tool("wire", risk_level=3, input_schema=SCHEMA)
MAIL = tool("mail", risk_level=0, untrusted_output=True)
CALLS = 'permit(principal, action == Action::"tool.call", resource);'
SMALL = ArgumentBound(pointer="/amount", at_most="100")
LIMITS = {"limits": {"max_model_calls": 50, "max_tool_calls": 50}}


def known(*rules: str) -> Definitions:
    made = (policy(each, f"p{n}") for n, each in enumerate(rules))
    tools = (PAY, WIRE, MAIL)
    names = tuple(each.name for each in tools)
    return published(*tools, agent(tools=names, **LIMITS), *made)


def opened(*rules: str, **asked: Any) -> Story:
    return Story(known(*rules)).when(request(**asked))


def proposes(story: Story, name: str = "pay", **arguments: object) -> Story:
    """The model answers with one call."""
    out = story.run.loop.model_call
    assert out is not None
    given = arguments or {"amount": 50}
    return story.when(answer(call(name, given), call_id=out.call_id, attempt=out.attempt))


def returns(story: Story) -> Story:
    """The call that is out comes back."""
    out = story.run.loop.round[0]
    return story.when(came_back(1, call_id=out.call_id, attempt=out.attempt))


def approve(story: Story, holds: Holds | None, by: str = "ann", **more: Any) -> commands.Control:
    waits = story.run.loop.round[0]
    given = {"call_id": waits.call_id, "actor_id": by, "holds": holds} | more
    return control(commands.ApproveToolCall, f"{by}-{len(story.facts)}", **given)


def approved(story: Story, holds: Holds | None, **more: Any) -> Story:
    return returns(story.when(approve(story, holds, **more)))


def holding(scope: HoldsFor, times: int = 10, *where: ArgumentBound) -> Holds:
    return Holds(scope=scope, times=times, where=where)


def asks(story: Story) -> bool:
    return "ApprovalRequested" in story.names()


def test_an_approval_holds_once_unless_it_says_more() -> None:
    run = approved(proposes(opened()), None)
    assert asks(proposes(run))


def test_an_approval_of_a_tool_holds_for_the_calls_that_follow_as_often_as_it_says() -> None:
    run = proposes(opened())
    given = approve(run, holding(HoldsFor.TOOL, 3))
    run = returns(run.when(given))
    for _ in range(2):
        run = proposes(run)
        assert run.only(j.ToolCallApproved).grant_id == given.request_id
        assert run.only(j.ToolCallApproved).request_id is None
        assert "ToolCallStarted" in run.names()
        run = returns(run)
    assert run.run.loop.grants == ()
    assert asks(proposes(run))


def test_an_approval_of_a_tool_does_not_hold_for_others() -> None:
    run = approved(proposes(opened()), holding(HoldsFor.TOOL))
    assert asks(proposes(run, "wire", amount=1))


def test_an_approval_of_a_run_holds_for_no_higher_level() -> None:
    run = approved(proposes(opened()), holding(HoldsFor.RUN))
    assert asks(proposes(run, "wire", amount=1))
    higher = approved(proposes(opened(), "wire", amount=1), holding(HoldsFor.RUN))
    assert not asks(proposes(higher))


def test_a_pattern_holds_for_arguments_within_it() -> None:
    run = approved(proposes(opened()), holding(HoldsFor.PATTERN, 10, SMALL))
    within = proposes(run, amount=100)
    assert not asks(within)
    assert asks(proposes(returns(within), amount=100.01))


def test_a_retry_spends_nothing_more() -> None:
    run = approved(proposes(opened()), holding(HoldsFor.TOOL, 3))
    run = proposes(run)
    out = run.run.loop.round[0]
    left = run.run.loop.grants[0].left
    error = {"error_type": "busy", "message": "busy", "retryable": True}
    run = run.when(
        came_back(1, call_id=out.call_id, outcome="failed", result=None, error=error)
    ).after(5)
    assert run.run.loop.grants[0].left == left == 1


def test_a_forbid_is_not_lifted() -> None:
    run = approved(proposes(opened(CALLS)), holding(HoldsFor.RUN))
    no = policy('forbid(principal, action == Action::"tool.call", resource == Tool::"pay");', "no")
    run = changed(run, after(run.definitions, *announced(no)))
    run = proposes(run)
    assert run.only(j.ToolCallDenied).code == "forbidden"
    assert run.run.loop.grants[0].left == 9


def test_a_grant_of_one_is_none_of_two() -> None:
    run = approved(proposes(opened(CALLS)), holding(HoldsFor.TOOL))
    two = policy('@approvers("2") ' + CALLS, "two")
    run = changed(run, after(run.definitions, *announced(two)))
    assert asks(proposes(run))


def test_a_grant_of_two_persons_holds_where_both_said_the_same() -> None:
    run = proposes(opened('@approvers("2") ' + CALLS))
    digest = run.only(j.ApprovalRequested).shown_digest
    hold = holding(HoldsFor.TOOL)
    run = run.when(approve(run, hold, shown_digest=digest))
    other = run.when(approve(run, None, by="bob", shown_digest=digest))
    assert other.only(j.RequestIgnored).code == "other_holds"
    run = returns(run.when(approve(run, hold, by="bob", shown_digest=digest)))
    run = proposes(run)
    assert [each.id for each in run.only(j.ToolCallApproved).approvers] == ["ann", "bob"]


def test_a_grant_does_not_hold_once_its_approver_may_not_approve() -> None:
    run = approved(proposes(opened(CALLS)), holding(HoldsFor.TOOL))
    run = returns(proposes(run))
    left = policy(
        'forbid(principal == User::"ann", action == Action::"tool.approve", resource);', "left"
    )
    assert asks(proposes(changed(run, after(run.definitions, *announced(left)))))


def test_a_grant_does_not_hold_for_a_requester_who_may_not_approve() -> None:
    run = approved(proposes(opened(CALLS, user_id="ann")), holding(HoldsFor.TOOL))
    rule = policy('@requester("never") ' + CALLS, "others")
    assert asks(proposes(changed(run, after(run.definitions, *announced(rule)))))


def test_a_permit_may_say_that_approvals_hold_once() -> None:
    run = proposes(opened('@holds("once") ' + CALLS))
    assert run.only(j.PolicyDecided).obligations == ("approval", "holds:once")
    run = run.when(approve(run, holding(HoldsFor.TOOL)))
    assert run.only(j.RequestIgnored).code == "invalid_holds"
    assert "ToolCallStarted" in run.when(approve(run, None)).names()


def test_policies_see_for_what_an_approval_shall_hold() -> None:
    rule = """forbid(principal, action == Action::"tool.approve", resource)
    when { context.scope != "once" };"""
    run = proposes(opened(CALLS, rule))
    assert run.when(approve(run, holding(HoldsFor.RUN))).only(j.RequestIgnored).code == "forbidden"


def test_a_grant_ends_where_the_run_reads_what_its_approver_could_not_know() -> None:
    run = approved(proposes(opened()), holding(HoldsFor.TOOL))
    run = returns(proposes(run, "mail", path="inbox"))
    run = proposes(run)
    assert asks(run)
    run = approved(run, holding(HoldsFor.TOOL))
    assert not asks(proposes(run))


def test_grants_are_covered_by_the_hash_of_a_checkpoint() -> None:
    run = approved(proposes(opened()), holding(HoldsFor.TOOL))
    other = approved(proposes(opened()), holding(HoldsFor.TOOL, 9))
    assert state_hash(run.run) != state_hash(other.run)


def test_a_run_holds_a_bounded_number_of_grants() -> None:
    run = opened()
    for _ in range(MOST_GRANTS):
        run = approved(
            proposes(run, amount=1, to=str(len(run.facts))),
            holding(
                HoldsFor.PATTERN, 2, ArgumentBound(pointer="/to", one_of=(f'"{len(run.facts)}"',))
            ),
        )
    assert len(run.run.loop.grants) == MOST_GRANTS
    run = proposes(run)
    assert run.when(approve(run, holding(HoldsFor.TOOL))).only(j.RequestIgnored).code == "too_many"


@pytest.mark.parametrize(
    ("holds", "why"),
    [
        (holding(HoldsFor.UNKNOWN), "once, run, tool or pattern"),
        (holding(HoldsFor.TOOL, 0), "1 to 1000"),
        (holding(HoldsFor.TOOL, 1001), "1 to 1000"),
        (holding(HoldsFor.TOOL, 2, SMALL), "only a pattern"),
        (holding(HoldsFor.PATTERN, 2), "1 to 16"),
        (holding(HoldsFor.PATTERN, 2, *[SMALL] * 17), "1 to 16"),
        (
            holding(HoldsFor.PATTERN, 2, ArgumentBound(pointer="amount", at_most="1")),
            "begins with /",
        ),
        (holding(HoldsFor.PATTERN, 2, ArgumentBound(pointer="/amount")), "either values"),
        (
            holding(HoldsFor.PATTERN, 2, ArgumentBound(pointer="/a", one_of=("1",), at_most="1")),
            "either values",
        ),
        (holding(HoldsFor.PATTERN, 2, ArgumentBound(pointer="/a", one_of=("x",))), "not JSON"),
        (holding(HoldsFor.PATTERN, 2, ArgumentBound(pointer="/a", at_most="1e9")), "decimal"),
        (holding(HoldsFor.PATTERN, 2, ArgumentBound(pointer="/a", at_most="NaN")), "decimal"),
        (holding(HoldsFor.PATTERN, 2, ArgumentBound(pointer="/amount", at_most="1")), "itself"),
    ],
)
def test_what_an_approval_cannot_hold_for_is_refused_with_the_reason(
    holds: Holds, why: str
) -> None:
    run = proposes(opened())
    run = run.when(approve(run, holds))
    ignored = run.only(j.RequestIgnored)
    assert ignored.code == "invalid_holds"
    assert why in plain(ignored.reason)
    assert ignored.holds == holds


@pytest.mark.parametrize(
    ("bound", "arguments", "holds"),
    [
        (SMALL, {"amount": 100}, True),
        (SMALL, {"amount": 100.0001}, False),
        (SMALL, {"amount": -1}, False),
        (SMALL, {"amount": True}, False),
        (SMALL, {"amount": "50"}, False),
        (SMALL, {}, False),
        (ArgumentBound(pointer="/amount", at_least="-5", at_most="5"), {"amount": -1}, True),
        (ArgumentBound(pointer="/amount", at_least="5"), {"amount": 10**20}, True),
        (ArgumentBound(pointer="/a/b", one_of=("1",)), {"a": {"b": 1}}, True),
        (ArgumentBound(pointer="/a/b", one_of=("1",)), {"a": {"b": True}}, False),
        (ArgumentBound(pointer="/a/1", one_of=('"y"',)), {"a": ["x", "y"]}, True),
        (ArgumentBound(pointer="/a/01", one_of=('"y"',)), {"a": ["x", "y"]}, False),
        (ArgumentBound(pointer="/a~1b~0", one_of=("null",)), {"a/b~": None}, True),
        (ArgumentBound(pointer="/a", one_of=('{"y":2,"x":1}',)), {"a": {"x": 1, "y": 2}}, True),
        (ArgumentBound(pointer="/a", one_of=('"x"', '"y"')), {"a": "y"}, True),
        (ArgumentBound(pointer="/a", one_of=('"x"', '"y"')), {"a": "Y"}, False),
    ],
)
def test_bounds_hold_exactly(bound: ArgumentBound, arguments: object, holds: bool) -> None:
    assert bounds.within((bound,), json_content(arguments)) is holds


def test_numbers_are_plain_decimals() -> None:
    assert bounds.number("-12.50") == Decimal("-12.50")
    assert [bounds.number(each) for each in ("", "1.", ".5", "1e3", "٣", "--1", "1" * 41)] == [
        None
    ] * 7


def test_arguments_that_cannot_be_looked_at_are_within_nothing() -> None:
    elsewhere = json_content({"amount": 1}).model_copy(update={"inline": None, "ref": "x"})
    assert not bounds.within((SMALL,), elsewhere)
