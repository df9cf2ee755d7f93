"""Persons, delegations and time, used to get round what policies demand: none of it passes.

The rules that hold from behaviour 8 on. That runs which began before are decided as they were, the
histories of ``tests/replay`` show.
"""

from __future__ import annotations

from typing import Any

import pytest

from runfold.events import run as j
from runfold.events.calls import Outcome, PolicyResult, ServerAnswer
from runfold.events.contents.content import json_content
from runfold.events.people.approvals import Holds, HoldsFor
from runfold.events.people.persons import folded
from runfold.events.records import commands
from tests.deciders.given import (
    RUN,
    TENANT,
    agent,
    answer,
    begins,
    broke,
    call,
    came_back,
    control,
    due,
    request,
    tool,
)
from tests.deciders.governed import after, announced, asking, changed, policy
from tests.deciders.people.test_approvals import CALLS, TREASURER, paying, refused, shown, starts
from tests.deciders.people.test_approving_for_others import ONE, approves
from tests.deciders.people.test_escalation import delegated
from tests.deciders.policies.test_governed import published
from tests.deciders.policies.test_policy_servers import asked_of
from tests.spec import Story

NOT_OWN = """@id("own")
forbid(principal, action == Action::"tool.approve", resource)
when { context.requester == principal };"""
NEVER = '@requester("never") '
ALWAYS = '@approval("always") '
SPELLINGS = ("Ann", "ann ", " a nn", "\uff41nn", "an\u200bn", "AN\N{COMBINING CARON}N")
"""One name, written in other ways; the last is that of ``an\u030cn``."""


def spelled(other: str) -> str:
    return "a\N{LATIN SMALL LETTER N WITH CARON}n" if "\N{COMBINING CARON}" in other else "ann"


def ruled(run: Story, cedar: str, name: str = "p0", version: str = "2.0") -> Story:
    """From now on another version of a policy, or one more, is in force."""
    return changed(run, after(run.definitions, *announced(policy(cedar, name, version))))


# Who is one person.


@pytest.mark.parametrize("other", SPELLINGS)
def test_two_spellings_of_a_name_are_one_approver(other: str) -> None:
    run = approves(paying(CALLS), spelled(other), None)
    run = approves(run, other, None)
    assert refused(run) == "already_approved"
    assert starts(approves(run, "bob", None))


@pytest.mark.parametrize("other", SPELLINGS)
@pytest.mark.parametrize("rules", [(ONE + NEVER + CALLS,), (ONE + CALLS, NOT_OWN)])
def test_the_requester_may_approve_under_no_spelling(other: str, rules: tuple[str, ...]) -> None:
    run = paying(*rules, user_id=spelled(other))
    assert refused(approves(run, other, None)) == "forbidden"
    assert starts(approves(run, "bob", None))


@pytest.mark.parametrize("nobody", ["", " ", "\u200b", "\u2060\t"])
def test_a_name_that_says_nothing_is_no_approver(nobody: str) -> None:
    run = approves(paying(CALLS), "ann", None)
    run = approves(run, nobody, None)
    assert refused(run) == "forbidden"
    assert not starts(run)


def test_names_that_say_something_else_stay_different() -> None:
    names = ["ann", "anna", "änn", "a.nn", "ann@x", "аnn"]  # noqa: RUF001 - a letter of another script
    assert len({folded(each) for each in names}) == len(names)


# Who acts for another may not do what that person may not.


def test_a_rule_against_approving_ones_own_speaks_of_who_acts_for_the_requester() -> None:
    run = delegated(paying(ONE + CALLS, NOT_OWN, user_id="ann"))
    assert refused(approves(run, "ann", None)) == "forbidden"
    assert refused(approves(run, "bob", "ann")) == "forbidden"
    assert starts(approves(run, "bob", None))


def test_a_forbid_of_who_is_absent_speaks_of_who_acts_for_them() -> None:
    no = 'forbid(principal == User::"ann", action == Action::"tool.approve", resource);'
    run = delegated(paying(ONE + CALLS, no))
    assert refused(approves(run, "bob", "ann")) == "forbidden"


def test_a_forbid_of_answers_speaks_of_who_acts_for_them() -> None:
    no = """forbid(principal, action == Action::"run.control", resource)
    when { context.requester == principal };"""
    known = published(agent(tools=()), policy(no))
    run = delegated(asking(known, call("ask_human", {"question": "which?"}), user_id="ann"))
    said = control(
        commands.AnswerQuestion,
        actor_id="bob",
        question_id=f"{RUN}.2",
        content=json_content("this"),
        on_behalf_of="ann",
    )
    assert refused(run.when(said)) == "forbidden"


def test_what_a_person_delegated_for_all_tenants_and_for_one_adds_up() -> None:
    run = delegated(paying(ONE + CALLS, TREASURER), roles=["treasurer"])
    run = delegated(run, roles=["clerk"], tenant=TENANT)
    assert starts(approves(run, "bob", "ann"))


# For how long an approval counts.


def test_an_approver_whom_policies_bar_before_the_last_approval_does_not_count() -> None:
    run = approves(paying(CALLS), "ann", None)
    no = 'forbid(principal == User::"ann", action == Action::"tool.approve", resource);'
    run = approves(ruled(run, no, "no-ann"), "bob", None)
    assert not starts(run)
    assert [each.id for each in run.only(j.ApprovalRequested).approvers] == ["bob"]
    assert starts(approves(run, "eve", None))


def repeated(run: Story) -> Story:
    """The call that is out fails, and is tried again."""
    out = run.run.loop.round[0]
    return due(run.when(broke(2, out.attempt)))


def one_pay(*rules: str, **asked: Any) -> Story:
    pay = tool("pay", risk_level=3)
    known = published(
        pay, agent(tools=("pay",)), *(policy(each, f"p{n}") for n, each in enumerate(rules))
    )
    return asking(known, call("pay"), **asked)


def test_who_acts_for_the_requester_does_not_count_where_the_requester_may_not_any_more() -> None:
    run = approves(delegated(one_pay(CALLS, user_id="ann")), "bob", "ann")
    assert starts(run)
    run = repeated(ruled(run, NEVER + CALLS))
    assert run.only(j.ApprovalRequested).approvers == ()


def test_an_approval_of_the_same_policies_holds_for_each_attempt() -> None:
    run = repeated(approves(delegated(one_pay(CALLS)), "bob", "ann"))
    assert "ToolCallStarted" in run.names()


def test_whoever_finds_out_that_a_call_did_not_happen_has_not_approved_it() -> None:
    send = tool("send", risk_level=1, approval="never")
    known = published(send, agent(tools=("send",)), policy(CALLS, "p0"))
    run = asking(known, call("send")).when(begins(2))
    run = run.when(came_back(2, outcome=Outcome.UNCERTAIN, result=None))
    not_done = control(
        commands.ResolveToolCall,
        call_id=f"{RUN}.2",
        resolution=commands.Resolution.DID_NOT_HAPPEN,
    )
    assert "ToolCallStarted" in run.when(not_done).names()
    run = ruled(run, ALWAYS + CALLS).when(not_done)
    assert "ApprovalRequested" in run.names()
    assert "ToolCallStarted" not in run.names()


# What a grant permits.


def two_tools(*rules: str, **asked: Any) -> Story:
    tools = (tool("pay", risk_level=3), tool("wire", risk_level=3))
    limits = {"max_model_calls": 50, "max_tool_calls": 50}
    made = (policy(each, f"p{n}") for n, each in enumerate(rules))
    known = published(*tools, agent(tools=("pay", "wire"), limits=limits), *made)
    return Story(known).when(request(**asked))


def proposes(story: Story, name: str) -> Story:
    out = story.run.loop.model_call
    assert out is not None
    return story.when(answer(call(name), call_id=out.call_id, attempt=out.attempt))


def granted(run: Story, by: str, behalf: str | None = None, *, digest: bool = True) -> Story:
    """A person approves a payment for the whole run, and it comes back."""
    run = proposes(run, "pay")
    approval = control(
        commands.ApproveToolCall,
        "granting",
        call_id=run.run.loop.round[0].call_id,
        actor_id=by,
        holds=Holds(scope=HoldsFor.RUN),
        on_behalf_of=behalf,
        shown_digest=shown(run) if digest else None,
    )
    run = run.when(approval)
    out = run.run.loop.round[0]
    return run.when(came_back(1, call_id=out.call_id, attempt=out.attempt))


def asks(run: Story) -> bool:
    return "ApprovalRequested" in run.names()


def only(name: str, annotations: str = "") -> str:
    return annotations + CALLS.replace("resource)", f'resource == Tool::"{name}")')


def test_a_grant_of_who_acts_for_another_permits_as_they_do() -> None:
    run = granted(delegated(two_tools(CALLS)), "bob", "ann")
    assert not asks(proposes(run, "wire"))


def test_a_grant_does_not_leave_the_tools_that_were_delegated() -> None:
    run = granted(delegated(two_tools(CALLS), tools=["pay"]), "bob", "ann")
    assert asks(proposes(run, "wire"))
    assert not asks(proposes(run, "pay"))


@pytest.mark.parametrize("rules", [(CALLS,), ()])
def test_a_grant_ends_with_the_delegation_that_it_was_given_by(rules: tuple[str, ...]) -> None:
    run = granted(delegated(two_tools(*rules)), "bob", "ann")
    assert asks(proposes(run.after(86_400), "wire"))
    assert asks(proposes(delegated(run, revoked=True), "wire"))


def test_a_grant_of_who_acts_for_the_requester_permits_nothing_that_the_requester_may_not() -> None:
    rules = only("pay"), only("wire", NEVER)
    run = granted(delegated(two_tools(*rules, user_id="ann")), "bob", "ann")
    assert asks(proposes(run, "wire"))


def test_a_grant_without_a_digest_permits_no_call_for_which_one_is_required() -> None:
    rules = only("pay"), only("wire", '@shown("required") ')
    assert asks(proposes(granted(two_tools(*rules), "bob", digest=False), "wire"))
    assert not asks(proposes(granted(two_tools(*rules), "bob"), "wire"))


# Time is no person.


def waiting(*policies: Any, **changes: Any) -> Story:
    """A call of a low level that may run where nobody decides in time."""
    low = tool("send", **({"risk_level": 1, "approval": "always"} | changes))
    said = {"approvals": {"ask": [], "steps": [], "end": "approve", "end_ms": 1000}}
    return asking(published(low, agent(tools=("send",), escalation=said), *policies), call("send"))


def denied_by_time(run: Story) -> bool:
    return run.names()[0] == "ToolCallDenied" and run.only(j.ToolCallDenied).code == "not_decided"


@pytest.mark.parametrize(
    "rule",
    [
        TREASURER.replace('"pay"', '"send"'),
        'permit(principal in Role::"treasurer", action == Action::"tool.approve", resource);',
        'forbid(principal, action == Action::"tool.approve", resource);',
    ],
)
def test_time_passes_by_no_rule_about_who_approves(rule: str) -> None:
    assert denied_by_time(due(waiting(policy(CALLS, "a"), policy(rule, "b"))))


def test_time_may_approve_where_rules_speak_of_other_tools() -> None:
    run = due(waiting(policy(CALLS, "a"), policy(TREASURER, "b")))
    assert run.only(j.ToolCallApproved).by_deadline


def test_time_passes_by_no_policy_that_asks_a_person() -> None:
    assert denied_by_time(due(waiting(policy(ALWAYS + CALLS), approval="by_level")))


def test_time_passes_by_no_policy_server() -> None:
    assert denied_by_time(due(waiting(asked_of())))


def test_what_time_approved_is_asked_about_once_a_policy_asks_for_a_person() -> None:
    run = due(waiting(policy(CALLS, "p0"), idempotent=True))
    assert starts(run)
    again = repeated(run)
    assert "ToolCallStarted" in again.names()
    run = repeated(ruled(run, ALWAYS + CALLS))
    assert asks(run)
    assert denied_by_time(due(run))


def test_what_time_approved_is_asked_about_once_a_server_asks_for_a_person() -> None:
    run = due(waiting(policy(CALLS, "p0"), idempotent=True, approval="by_level"))
    served = asked_of('@approval("never") ' + CALLS, "central")
    run = changed(run, after(run.definitions, *announced(served)))
    run = repeated(run)
    out = run.only(j.PolicyAsked)
    said = PolicyResult(
        run_id=RUN,
        call_id=out.call_id,
        attempt=out.attempt,
        outcome=Outcome.SUCCEEDED,
        latency_ms=1,
        answers=(ServerAnswer(policy="central@1.0", permitted=True, asks_person=True),),
        input_digest=out.input.digest,
    )
    assert asks(run.when(said))


# What a person gives in the place of a tool.

COUNT = {
    "output_schema": {
        "type": "object",
        "required": ["n"],
        "properties": {"n": {"type": "integer"}},
    }
}


def held_by_ann(**changes: Any) -> Story:
    known = published(
        tool("count", **({"risk_level": 0} | COUNT | changes)), agent(tools=("count",))
    )
    return asking(known, call("count")).when(control(commands.TakeOverRun, "take", actor_id="ann"))


def gives(run: Story, value: object, **changes: Any) -> Story:
    said = {"actor_id": "ann", "call_id": f"{RUN}.2", "result": json_content(value)}
    return run.when(control(commands.GiveResult, "give", **(said | changes)))


def test_a_result_that_a_person_gives_fits_the_contract() -> None:
    run = gives(held_by_ann(), {"n": "many"})
    assert "result_not_usable" in run.only(j.RequestIgnored).reason
    assert gives(held_by_ann(), {"n": 3}).names()[0] == "ResultGiven"


def test_what_failed_says_why_in_any_form() -> None:
    assert gives(held_by_ann(), "out of paper", failed=True).names()[0] == "ResultGiven"


def test_a_tool_without_a_schema_takes_any_json() -> None:
    assert gives(held_by_ann(output_schema=None), ["x"]).names()[0] == "ResultGiven"


def test_the_result_of_an_uncertain_call_fits_the_contract() -> None:
    known = published(
        tool("count", risk_level=1, approval="never", **COUNT), agent(tools=("count",))
    )
    run = asking(known, call("count")).when(begins(2))
    run = run.when(came_back(2, outcome=Outcome.UNCERTAIN, result=None))
    happened = {"call_id": f"{RUN}.2", "resolution": commands.Resolution.HAPPENED}
    bad = control(commands.ResolveToolCall, "bad", result=json_content({"n": "x"}), **happened)
    run = run.when(bad)
    assert "result_not_usable" in run.only(j.RequestIgnored).reason
    good = control(commands.ResolveToolCall, "good", result=json_content({"n": 1}), **happened)
    assert run.when(good).names()[0] == "ToolCallSucceeded"
