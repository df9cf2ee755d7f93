"""Recorded calls are decided again by other policies, and who could act is said by name."""

from __future__ import annotations

import pytest

from runfold.events.definitions import Definitions
from runfold.surfaces.application.errors import InvalidError, NotFoundError
from runfold.surfaces.application.governing.policies import testing
from runfold.surfaces.application.governing.policies.explain import explain
from runfold.surfaces.application.governing.policies.recorded import answer_of
from runfold.surfaces.application.governing.policies.simulate import with_offered
from runfold.surfaces.application.governing.policies.who_can import who_can
from tests.deciders.given import LOOK, RUN, SEND, TENANT, agent, call, tool
from tests.deciders.governed import SENDS, X9, announced, asking, decided, governed, kube, policy
from tests.deciders.policies.test_governed import after, published
from tests.replay.test_policies_in_mid_run import CLOSED, OPEN, WATCHED, known, lived


def answers(definitions: Definitions, action: str, resource: str, **asked: object) -> list[str]:
    found = who_can(definitions, action, resource, tenant=TENANT, **asked)  # type: ignore[arg-type]
    return [f"{each.agent} {each.answer} {','.join(each.policies)}".strip() for each in found]


def test_each_decision_on_a_call_is_explained_then_and_now() -> None:
    events = [event for _, event in lived()]
    found = explain(events, f"{RUN}.4", known(), CLOSED)
    assert [each.recorded.effect for each in found] == ["permit", "forbid"]
    assert [each.again == each.recorded for each in found] == [True, True]
    assert [each.now.effect for each in found] == ["forbid", "forbid"]
    assert found[0].recorded.approval
    assert (found[0].recorded.persons, found[1].recorded.persons) == (1, 0)
    assert found[1].inputs["context"]["cost"] == "0.0200"
    assert found[1].inputs["principal"]["user"] == "User::user-1"
    assert [each.definitions for each in found] == [WATCHED.position, CLOSED.position]
    with pytest.raises(NotFoundError):
        explain(events, f"{RUN}.9", known(), CLOSED)


def test_what_is_offered_takes_the_place_of_its_name_in_its_scope() -> None:
    in_force = OPEN.policies(TENANT)
    other = policy(SENDS, "rules-0", "2.0")
    replaced = with_offered(in_force, [other], None)
    assert replaced is not None
    assert [each.definition.version for each in replaced.policies] == ["1.0", "2.0"]
    beside = with_offered(in_force, [other], TENANT)
    assert beside is not None
    assert len(beside.policies) == 3
    assert with_offered(None, [], None) is None


@pytest.mark.parametrize(
    ("rules", "answer"),
    [
        ((), "worker yes"),
        ((SENDS,), "worker yes rules-0/0"),
        (('permit(principal, action, resource == Tool::"look");',), "worker no"),
        ((SENDS, 'forbid(principal == Agent::"worker", action, resource);'), "worker no rules-1/0"),
        ((SENDS.replace(";", " when { context.hour < 9 };"),), "worker depends rules-0/0"),
        (
            (SENDS, "forbid(principal, action, resource) when { context.hour < 9 };"),
            "worker depends rules-1/0",
        ),
        (('permit(principal in User::"ann", action, resource);',), "worker no"),
    ],
)
def test_who_can_call_a_tool(rules: tuple[str, ...], answer: str) -> None:
    assert answers(governed(*rules), "tool.call", 'Tool::"send"') == [answer]


def test_who_can_in_the_name_of_whom() -> None:
    known_ = governed('permit(principal in User::"ann", action, resource);')
    assert answers(known_, "tool.call", "send", user="ann") == ["worker yes rules-0/0"]
    role = governed('permit(principal, action, resource) when { context.user in Role::"x" };')
    assert answers(role, "tool.call", "send", roles=("x",)) == ["worker depends rules-0/0"]


def test_who_can_do_what_a_contract_names() -> None:
    bot = agent(name="deploy-bot", tools=("kube.read",))
    read = kube("kube.read", "read")
    listing = kube("kube.list", "list")
    known_ = published(LOOK, SEND, read, listing, bot, agent(tools=("kube.read",)), policy(X9))
    found = answers(known_, "read", "Namespace::production")
    assert found == ["deploy-bot yes rules/0", "worker no"]
    assert answers(known_, "write", "Namespace::production") == []
    sometimes = policy("permit(principal, action, resource) when { context.hour < 9 };", "hours")
    tools = 'permit(principal, action == Action::"tool.call", resource) when { context.hour < 9 };'
    ruled = published(read, bot, policy(tools, "tools"))
    assert answers(ruled, "read", "Namespace::production") == ["deploy-bot no"]
    ruled = published(read, bot, sometimes)
    assert answers(ruled, "read", "Namespace::x") == ["deploy-bot depends hours/0"]
    assert answers(known_, "tool.call", "kube.read") == ["deploy-bot depends", "worker depends"]


def test_who_can_where_the_requester_needs_scopes() -> None:
    mail = tool("send", risk_level=3, scopes=("mail",))
    known_ = governed(SENDS, tools=(mail,))
    (grant,) = who_can(known_, "tool.call", "send", tenant=TENANT)
    assert (grant.answer, grant.policies) == ("depends", ("rules-0/0",))
    assert grant.reason == "on the requester, who needs the scopes mail"


def test_who_can_begin_and_use_a_model() -> None:
    known_ = governed('forbid(principal, action == Action::"model.use", resource == Model::"a:b");')
    assert answers(known_, "model.use", "a:b") == ["worker no rules-0/0"]
    assert answers(known_, "model.use", "a:c") == ["worker yes"]
    assert answers(known_, "run.start", TENANT) == ["worker yes"]


def test_a_resource_that_is_no_reference_is_refused() -> None:
    with pytest.raises(InvalidError, match="is no reference"):
        who_can(governed(), "tool.call", 'Tool::"a', tenant=TENANT)


def test_the_policies_in_force_are_those_whose_tests_are_run() -> None:
    known_ = after(governed(SENDS), *announced(policy(X9, "more")))
    assert [each.name for each in testing.in_force(known_, None)] == ["more", "rules-0"]
    assert testing.in_force(Definitions(), None) == []
    assert {each.name for each in testing.tools_of(known_, None)} == {"look", "write", "send"}


def test_who_can_approve_and_control() -> None:
    listed = governed(
        """permit(principal in Role::"treasurer", action == Action::"tool.approve",
        resource == Tool::"send");""",
        """forbid(principal, action == Action::"run.control", resource)
        when { context.control == "cancel" };""",
    )
    assert answers(listed, "tool.approve", "send") == ["worker no"]
    assert answers(listed, "tool.approve", "send", roles=("treasurer",)) == ["worker yes rules-0/0"]
    assert answers(listed, "tool.approve", "write") == ["worker yes"]
    assert answers(listed, "run.control", "any") == ["worker depends rules-1/0"]


def test_an_explanation_says_how_many_persons_a_decision_asked_for() -> None:
    rule = '@approvers("2") @requester("never") ' + SENDS
    asked = decided(asking(governed(rule), call("send")))
    said = answer_of(asked)
    assert (said.persons, said.terms) == (2, ("not the requester",))
    calm = answer_of(decided(asking(governed(SENDS), call("send"))))
    assert (calm.approval, calm.persons) == (False, 0)
