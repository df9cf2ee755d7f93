"""Policies as code: who forbids, who permits, what is in error, what is shown to them."""

from __future__ import annotations

from typing import Any

import pytest

from runfold.events import run as j
from runfold.events.contents.content import content, json_content
from runfold.events.definitions import (
    DefinitionReleased,
    PolicyDefinition,
    ToolContract,
)
from runfold.events.wording import plain
from runfold.processors.run.policy.cedar.checking import InvalidPolicyError, canonical
from tests.deciders.given import (
    LOOK,
    SEND,
    TENANT,
    WRITE,
    agent,
    answer,
    broken_call,
    call,
    came_back,
    request,
    tool,
)
from tests.deciders.governed import (
    PAY,
    SENDS,
    SMALL,
    TOOL_CALLS,
    X9,
    asking,
    decided,
    governed,
    kube,
    policy,
    published_for,
    replace_arguments,
)
from tests.deciders.policies.test_governed import about, after, published, retire
from tests.spec import Story


def test_a_forbid_denies_the_call_and_tells_the_model_and_the_record_why() -> None:
    rule = (
        '@id("no-look") @reason("Nobody looks on Sundays.")'
        'forbid(principal, action, resource == Tool::"look") when { context.weekday == 7 };'
    )
    known = governed(rule)
    story = asking(known, call("look"))
    said = decided(story)
    assert story.names()[-3:] == ["ToolCallDenied", "ContextHydrated", "ModelCalled"]
    assert said.effect is j.PolicyEffect.FORBID
    assert said.policy_ids == ("runfold:agent-allow-list", "no-look")
    policies = known.policies(TENANT)
    assert policies is not None
    assert said.policy_digest == policies.digest
    assert (said.principal, said.action) == ("agent/worker@1.0", "tool.call")
    assert said.resource == "tool/look@1.0"
    assert plain(said.reason) == "forbidden by no-look: Nobody looks on Sundays."
    denied = story.only(j.ToolCallDenied)
    assert denied.code == "forbidden"
    assert "The policy no-look forbids this call: Nobody looks on Sundays." in denied.reason


def test_without_a_policy_a_call_is_decided_by_the_built_in_rule_alone() -> None:
    said = decided(asking(published(LOOK, WRITE, SEND, agent()), call("look")))
    assert said.policy_ids == ("runfold:agent-allow-list",)
    assert said.policy_digest == agent().digest()


@pytest.mark.parametrize(
    ("name", "effect"),
    [("look", "permit"), ("write", "permit"), ("draft", "forbid"), ("send", "forbid")],
)
def test_from_level_2_on_a_call_needs_a_permit_where_policies_are_in_force(
    name: str, effect: str
) -> None:
    draft = tool("draft", risk_level=2)
    known = governed('permit(principal, action, resource == Tool::"x");',
                     tools=(LOOK, WRITE, draft, SEND))  # fmt: skip
    story = asking(known, call(name))
    assert next(f for f in story.said if isinstance(f, j.PolicyDecided)).effect.value == effect
    if effect == "forbid":
        assert "No policy permits tool.call on Tool/" in story.only(j.ToolCallDenied).reason


def test_a_permit_lets_a_call_of_a_high_level_pass_and_names_itself() -> None:
    said = next(f for f in asking(governed(SENDS), call("send")).said
                if isinstance(f, j.PolicyDecided))  # fmt: skip
    assert said.effect is j.PolicyEffect.PERMIT
    assert said.policy_ids == ("runfold:agent-allow-list", "rules-0/0")
    assert plain(said.reason) == "permitted by rules-0/0"


def test_a_forbid_wins_over_every_permit() -> None:
    known = governed(SENDS, f'forbid(principal in User::"user-1", {TOOL_CALLS}, resource);')
    assert decided(asking(known, call("send"))).policy_ids[1:] == ("rules-1/0",)


def test_a_forbid_that_cannot_be_evaluated_denies() -> None:
    known = governed(
        SENDS, f"forbid(principal, {TOOL_CALLS}, resource) when {{ context.nothing > 1 }};"
    )
    story = asking(known, call("send"))
    said = decided(story)
    assert said.effect is j.PolicyEffect.FORBID
    assert said.policy_ids[1:] == ("rules-1/0",)
    assert "could not be evaluated" in story.only(j.ToolCallDenied).reason


def test_a_policy_that_is_no_cedar_denies_everything() -> None:
    broken = PolicyDefinition(name="broken", version="1", cedar="permit(")
    known = published(LOOK, WRITE, SEND, agent(), broken)
    # It cannot say whether it speaks of beginnings, so nothing begins.
    assert Story(known).when(request()).only(j.RunRefused).code == "forbidden"


def test_what_the_built_in_rule_refuses_no_policy_permits() -> None:
    known = governed("permit(principal, action, resource);", tools=(LOOK, tool("s", scopes=("a",))))
    unknown = asking(known, call("nope"))
    effects = [f.effect for f in unknown.said if isinstance(f, j.PolicyDecided) and f.call_id]
    assert j.PolicyEffect.FORBID in effects
    lacking = asking(known, call("s"))
    assert lacking.only(j.ToolCallDenied).code == "lacks_scopes"


@pytest.mark.parametrize(
    ("agent_name", "name", "namespace", "permitted"),
    [
        ("deploy-bot", "kube.read", "production", True),
        ("deploy-bot", "kube.list", "production", True),
        ("deploy-bot", "kube.delete", "production", False),
        ("deploy-bot", "kube.read", "staging", False),
        ("other-bot", "kube.read", "production", False),
    ],
)
def test_the_source_documents_example_works_as_it_stands(
    agent_name: str, name: str, namespace: str, permitted: bool
) -> None:
    tools = (kube("kube.read", "read"), kube("kube.list", "list"), kube("kube.delete", "delete"))
    known = governed(X9, tools=tools, name=agent_name)
    story = asking(known, call(name, {"namespace": namespace}), agent=agent_name)
    said = decided(story)
    assert (said.effect is j.PolicyEffect.PERMIT) is permitted
    assert (said.action, said.resource) == (name.partition(".")[2], f"Namespace/{namespace}")
    assert said.policy_ids[1:] == (("rules-0/0",) if permitted else ())


def test_a_forbid_on_the_tool_holds_for_a_call_that_is_authorised_as_something_else() -> None:
    known = governed(
        X9,
        'forbid(principal, action == Action::"tool.call", resource == Tool::"kube.read");',
        tools=(kube("kube.read", "read"),),
        name="deploy-bot",
    )
    story = asking(known, call("kube.read", {"namespace": "production"}), agent="deploy-bot")
    assert decided(story).policy_ids[1:] == ("rules-1/0",)


def test_a_call_that_does_not_say_what_it_is_about_is_denied() -> None:
    known = governed(X9, tools=(kube("kube.read", "read"),), name="deploy-bot")
    story = asking(known, call("kube.read", {"path": "a"}), agent="deploy-bot")
    assert "cannot look at namespace of kube.read" in story.only(j.ToolCallDenied).reason


@pytest.mark.parametrize(
    ("arguments", "permitted"),
    [
        ({"amount": 99.99}, True),
        ({"amount": 99}, True),
        ({"amount": 100}, False),
        ({"amount": 100.0001}, False),
        ({"count": 1}, False),
        ({}, False),
        ({"amount": "99"}, False),
        ({"amount": 0.00001}, False),
        ({"amount": 1e300}, False),
        ({"amount": True}, False),
        ({"amount": None}, False),
        ({"amount": 1, "count": 1.5}, False),
        ({"amount": 1, "count": 2.0, "tags": ["a"], "to": "x"}, True),
        ({"amount": 1, "count": 2**63}, False),
        ({"amount": 1, "tags": [1]}, False),
    ],
)
def test_policies_compare_the_arguments_that_a_contract_shows_them(
    arguments: dict[str, Any], permitted: bool
) -> None:
    said = decided(asking(governed(SMALL, tools=(PAY,)), call("pay", arguments)))
    assert (said.effect is j.PolicyEffect.PERMIT) is permitted


def test_arguments_that_lie_elsewhere_cannot_be_judged() -> None:
    far = replace_arguments(call("pay"), json_content({"amount": 1}).model_copy(
        update={"inline": None, "ref": "artifact:x"}))  # fmt: skip
    story = asking(governed(SMALL, tools=(PAY,)), far)
    assert "cannot look at arguments of pay" in story.only(j.ToolCallDenied).reason


def test_a_lone_surrogate_in_an_argument_denies() -> None:
    odd = replace_arguments(call("pay"), content(b'{"to": "\\ud800"}', "application/json"))
    story = asking(governed("permit(principal, action, resource);", tools=(PAY,)), odd)
    assert story.only(j.ToolCallDenied).code == "forbidden"


def test_malformed_arguments_are_told_as_such() -> None:
    story = asking(governed(SENDS), broken_call("send"))
    assert story.only(j.ToolCallDenied).code == "malformed_arguments"


def test_roles_scopes_and_classification_are_known_to_policies() -> None:
    rule = (
        'permit(principal, action, resource == Tool::"send") when {'
        ' context.roles.contains("clerk") && context.scopes.contains("mail")'
        ' && context.classification == "internal" && context.user in Role::"clerk"'
        ' && principal.role == "sender" && principal in Role::"sender"'
        ' && principal in Tenant::"acme" && principal in User::"user-1" };'
    )
    known = governed(rule, labels={"role": "sender"})
    asked = {"roles": ("clerk",), "scopes": ("mail",)}
    assert decided(asking(known, call("send"), **asked)).effect is j.PolicyEffect.PERMIT
    other = asking(known, call("send"), roles=("guest",), scopes=("mail",))
    assert "ToolCallDenied" in other.names()


def test_the_cost_so_far_decides() -> None:
    rule = (
        'forbid(principal, action == Action::"tool.call", resource) when {'
        ' context.cost.greaterThanOrEqual(decimal("0.015")) };'
    )
    story = asking(governed(rule), call("look")).when(came_back(2))
    story = story.when(answer(call("look", id="c2"), n=3))
    assert "ToolCallDenied" in story.names()


@pytest.mark.parametrize(
    ("annotation", "contract", "asks"),
    [
        ("", SEND, False),
        ('@approval("always")', SEND, True),
        ("", tool("send", risk_level=4), True),
        ('@approval("never")', tool("send", risk_level=4), False),
        ('@approval("never")', tool("send", risk_level=3), False),
        ('@approval("never")', tool("send", risk_level=3, approval="always"), True),
    ],
)
def test_a_permit_may_ask_for_an_approval_or_lift_what_a_level_asks_for(
    annotation: str, contract: ToolContract, asks: bool
) -> None:
    story = asking(governed(annotation + SENDS, tools=(contract,)), call("send"))
    assert ("ApprovalRequested" in story.names()) is asks
    said = decided(story)
    assert ("approval" in said.obligations) is asks
    assert ("runfold:approval-by-risk" in said.policy_ids) is (asks and "always" not in annotation)


def test_who_asks_for_an_approval_is_heard_before_who_lifts_it() -> None:
    both = ('@approval("never")' + SENDS, '@approval("always")' + SENDS)
    assert "ApprovalRequested" in asking(governed(*both), call("send")).names()


def test_a_tenants_own_policy_cannot_loosen_a_shared_forbid() -> None:
    shared = policy('forbid(principal, action, resource == Tool::"send");', "shared")
    known = published(LOOK, WRITE, SEND, agent(), shared)
    own = published_for(known, policy(SENDS, "shared", "2.0"))
    said = decided(asking(own, call("send")))
    assert said.effect is j.PolicyEffect.FORBID
    other = own.policies("other")
    assert other is not None
    assert len(other.policies) == 1
    mine = own.policies(TENANT)
    assert mine is not None
    assert len(mine.policies) == 2


def test_a_tenants_release_does_not_choose_the_version_of_a_shared_policy() -> None:
    strict = policy('forbid(principal, action, resource == Tool::"send");', "shared", "2.0")
    known = published(LOOK, WRITE, SEND, agent(), policy(SENDS, "shared", "1.0"), strict)
    released = DefinitionReleased(**{**about("policy", "shared"), "tenant": TENANT})
    story = asking(after(known, released), call("send"))
    assert decided(story).effect is j.PolicyEffect.FORBID
    for_all = DefinitionReleased(**about("policy", "shared"))
    story = asking(after(known, for_all), call("send"))
    assert "ToolCallDenied" not in story.names()


def test_a_retired_policy_is_not_in_force() -> None:
    known = governed('forbid(principal, action == Action::"tool.call", resource);')
    gone = after(known, retire("policy", "rules-0"))
    assert gone.policies(TENANT) is None
    assert known.policies(TENANT) is not None
    assert "ToolCallStarted" in asking(gone, call("look")).names()


HOSTILE = [
    "permit(principal, action, resource) when { " + "(" * 700 + "true" + ")" * 700 + " };",
    "permit(principal, action, resource) when { " + " || ".join(["true"] * 500) + " };",
    "permit(principal, action, resource) when { " + "!" * 5000 + "true };",
    "permit(principal, action, resource) when { " + "if true then true else " * 900 + "true };",
    "permit(principal, action, resource) when { context" + ".a" * 5000 + " };",
    "permit(principal, action, resource);" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("cedar", HOSTILE, ids=range(len(HOSTILE)))
def test_a_text_that_would_take_the_parser_down_denies_and_is_refused_when_published(
    cedar: str,
) -> None:
    hostile = PolicyDefinition(name="hostile", version="1.0", cedar=cedar)
    known = published(LOOK, agent(tools=("look",)), hostile)
    assert Story(known).when(request()).only(j.RunRefused).code == "forbidden"
    with pytest.raises(InvalidPolicyError, match="more than"):
        canonical(cedar)
