"""Policies as people write them: canonical, checked against the tools, with their tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from textwrap import indent
from typing import Any

import pytest

from runfold.events.definitions import (
    Definition,
    DefinitionAliased,
    Definitions,
    PolicyDefinition,
    PolicyTest,
)
from runfold.processors.definitions.follower import DefinitionFollower
from runfold.processors.definitions.memory import MemoryDefinitionLog
from runfold.processors.definitions.publisher import Author, Report, publish
from runfold.processors.definitions.rules import objection
from runfold.processors.run.policy.cedar.checking import canonical, contract_faults
from runfold.processors.run.policy.cedar.checking import faults as faults_of
from tests.deciders.given import LOOK, SEND, tool
from tests.deciders.governed import PAY, TOOL_CALLS, X9, kube, policy
from tests.deciders.policies.test_governed import about
from tests.definitions.given import AGENT, TOOL, Faults, Load

NOW = datetime(2026, 1, 2, tzinfo=UTC)
KUBE = """\
apiVersion: runfold/v1
kind: Tool
metadata: {name: kube.read, version: "1.0.0"}
spec:
  use: builtin:files.read
  policy: {action: read, resource: {type: Namespace, argument: path}}
"""
LIST = KUBE.replace("kube.read", "kube.list").replace("action: read", "action: list")
TWICE = """@id("a") permit(principal, action, resource);
@id("a") forbid(principal, action, resource);"""
PASSING = """\
    - name: the bot may read production
      principal: Agent::"deploy-bot"
      action: read
      resource: Namespace::"production"
      expect: permit
    - name: nobody else may
      principal: Agent::"other"
      action: read
      resource: Namespace::"production"
      expect: nothing
"""


def manifest(cedar: str, tests: str = "") -> str:
    return (
        "apiVersion: runfold/v1\n"
        "kind: Policy\n"
        'metadata: {name: rules, version: "1.0.0"}\n'
        "spec:\n"
        "  cedar: |\n" + indent(cedar, "    ") + "\n" + (f"  tests:\n{tests}" if tests else "")
    )


def test_the_source_documents_example_is_published_as_it_stands(load: Load) -> None:
    manifests = load(KUBE, LIST, manifest(X9, PASSING))
    (found,) = [each for each in manifests.definitions if isinstance(each, PolicyDefinition)]
    assert found.cedar == canonical(X9)
    assert len(found.tests) == 2


def test_a_policy_may_speak_of_tools_that_are_published_already(load: Load) -> None:
    known = Definitions()
    for number, each in enumerate((kube("a", "read"), kube("b", "list"))):
        known = known.plus("tool", each.body(), number + 1)
    load(manifest(X9), published=known)


@pytest.mark.parametrize(
    ("cedar", "said"),
    [
        ("permit(", "policy rules: it is no Cedar: "),
        ("// nothing", "it holds no rule"),
        ("permit(principal == ?principal, action, resource);", "slots such as ?principal"),
        (
            'permit(principal, action == Action::"write", resource);',
            'rule rules/0: unrecognized action `Action::"write"`; there are tool.call, run.start',
        ),
        (
            'permit(principal == Robot::"x", action, resource);',
            "rule rules/0: unrecognized entity type `Robot`; there are Action, Agent",
        ),
        (
            'forbid(principal, action == Action::"tool.call", resource) when { resource.nope };',
            "rule rules/0: attribute `nope` on entity type `Tool` not found",
        ),
        (
            'forbid(principal, action == Action::"run.start", resource == Tool::"x");',
            "it can never match, because no such action is done to such a resource",
        ),
        ("permit(principal, action, resource) when { 1 > 2 };", "its condition is always false"),
        (
            f"forbid(principal, {TOOL_CALLS}, resource) when {{ resource.reversible }};",
            "ask with `has` first",
        ),
        ('@owner("x") permit(principal, action, resource);', "@owner means nothing; there are"),
        ('@approval("role:x") permit(principal, action, resource);', "is none of always, never"),
        ('@approval("always") forbid(principal, action, resource);', "belongs to a permit"),
        ('@approvers("0") permit(principal, action, resource);', '@approvers("0") is none of 1, 2'),
        ('@approvers("10") permit(principal, action, resource);', "is none of 1, 2"),
        ('@approvers("2") forbid(principal, action, resource);', "belongs to a permit"),
        ('@requester("always") permit(principal, action, resource);', "is none of never"),
        ('@holds("run") permit(principal, action, resource);', "is none of once"),
        ('@shown("yes") permit(principal, action, resource);', "is none of required"),
        (
            '@approvers("2") permit(principal, action == Action::"tool.approve", resource);',
            "belongs to a permit of calls",
        ),
        (
            '@approval("never") @approvers("2") permit(principal, action, resource);',
            "choose one",
        ),
        (
            'forbid(principal is Agent, action == Action::"tool.approve", resource);',
            "it can never match",
        ),
        (
            TWICE,
            "two rules have the id a",
        ),
        (
            f"forbid(principal, {TOOL_CALLS}, resource) when {{ context.arguments has amuont }};",
            "nothing has an attribute context.arguments.amuont",
        ),
    ],
)
def test_a_policy_that_cannot_hold_is_refused_with_its_name(
    cedar: str, said: str, faults: Faults
) -> None:
    told = faults(manifest(cedar))
    assert any(said in each for each in told), told
    assert all(each.startswith("m0.yaml:5: spec.cedar: policy rules: ") for each in told)


def test_a_policy_whose_tests_fail_is_refused(faults: Faults) -> None:
    wrong = PASSING.replace("expect: nothing", "expect: permit")
    (told,) = faults(KUBE, LIST, manifest(X9, wrong))
    assert told.endswith(
        "spec.tests: policy rules: test nobody else may: expected permit, and it is nothing"
    )


def test_tests_know_the_published_tools_and_may_give_attributes_and_context() -> None:
    rule = """@id("big") forbid(principal, action == Action::"tool.call", resource)
    when { resource.level >= 3 && context.arguments has amount
           && context.arguments.amount.greaterThan(decimal("10.0"))
           && context.cost.lessThan(decimal("5.0")) };"""
    given = {"principal": 'Agent::"a"', "action": "tool.call", "resource": 'Tool::"pay"'}
    big = {"context": {"arguments": {"amount": 10.5}, "cost": 2}}
    tests = (
        PolicyTest(name="big", expect="forbid", **given, **big),
        PolicyTest(name="small", expect="nothing", **given),
        PolicyTest(
            name="other", expect="nothing", **given, **big, resource_attributes={"level": 1}
        ),
    )
    made = policy(rule).model_copy(update={"tests": tests})
    assert faults_of(made, [PAY]) == []
    dear = tests[0].model_copy(update={"context": {"cost": 7, "arguments": {"amount": 11.0}}})
    (told,) = faults_of(made.model_copy(update={"tests": (dear,)}), [PAY])
    assert told == "test big: expected forbid, and it is nothing"
    odd = tests[0].model_copy(update={"principal": 'Agent::"x'})
    (told,) = faults_of(made.model_copy(update={"tests": (odd,)}), [PAY])
    assert 'is no reference: write Agent::"name"' in told


def test_a_policy_on_persons_is_checked_and_tested() -> None:
    rule = """@id("treasury")
    permit(principal in Role::"treasurer", action == Action::"tool.approve", resource)
    when { context.requester != principal && context.level >= 3 && context.scope == "once" };
    @id("ops")
    permit(principal, action == Action::"run.control", resource in Agent::"clerk")
    when { context.control == "pause" };"""
    pays = {"action": "tool.approve", "resource": 'Tool::"pay"'}
    ann: dict[str, Any] = {"principal": 'User::"ann"', "principal_roles": ("treasurer",)}
    level = {"resource_attributes": {"level": 3}}
    tests = (
        PolicyTest(name="may", expect="permit", **ann, **pays, **level),
        PolicyTest(name="no role", expect="nothing", principal='User::"ann"', **pays, **level),
        PolicyTest(
            name="own", expect="nothing", principal='User::"somebody"',
            principal_roles=("treasurer",), **pays, **level,
        ),
        PolicyTest(name="longer", expect="nothing", **ann, **pays, **level,
            context={"scope": "run"},
        ),
        PolicyTest(
            name="others", expect="nothing", principal='User::"ann"', action="run.control",
            resource='Run::"r"', context={"control": "pause"},
        ),
    )  # fmt: skip
    assert faults_of(policy(rule).model_copy(update={"tests": tests}), [PAY]) == []


def test_an_argument_that_contracts_type_differently_cannot_be_compared() -> None:
    text = {"type": "object", "properties": {"amount": {"type": "string"}}}
    other = tool("note", input_schema=text, policy_arguments=("amount",))
    rule = policy(
        'forbid(principal, action == Action::"tool.call", resource)'
        " when { context.arguments has amount && context.arguments.amount == "
        '"x" };'
    )
    assert faults_of(rule, [other]) == []
    (told,) = faults_of(rule, [other, PAY])
    assert "contracts give amount different types" in told


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"policy_arguments": ("nope",)}, "policy_arguments: nope is no argument"),
        (
            {"policy": {"action": "tool.call", "resource": {"type": "X", "argument": "path"}}},
            "tool.call is an action of every deployment",
        ),
        (
            {"policy": {"action": "read", "resource": {"type": "Tool", "argument": "path"}}},
            "Tool is a type of every deployment",
        ),
        (
            {"policy": {"action": "read", "resource": {"type": "File", "argument": "nope"}}},
            "policy: nope is no argument that is a text",
        ),
    ],
)
def test_what_a_contract_says_for_policies_must_be_true(
    changes: dict[str, object], said: str
) -> None:
    (told,) = contract_faults(tool("t", **changes))
    assert said in told


def test_a_contract_that_says_nothing_for_policies_keeps_its_digest() -> None:
    named = {"environment", "data_class", "policy", "policy_arguments"}
    assert not named & set(LOOK.model_dump(mode="json"))


@pytest.fixture
def registry() -> MemoryDefinitionLog:
    return MemoryDefinitionLog()


@pytest.fixture
def follower(registry: MemoryDefinitionLog) -> Iterator[DefinitionFollower]:
    with DefinitionFollower(registry.reader()) as following:
        yield following


def apply(
    registry: MemoryDefinitionLog,
    follower: DefinitionFollower,
    *what: Definition,
    tenant: str | None = None,
) -> Report:
    author = replace(Author("ann", NOW), tenant=tenant)
    return publish(what, log=registry, store=follower, author=author, timeout=5)


def test_whoever_offers_it_a_policy_that_does_not_fit_is_not_published(
    registry: MemoryDefinitionLog, follower: DefinitionFollower
) -> None:
    (refused,) = apply(registry, follower, policy(X9)).refused
    assert "unrecognized entity type `Namespace`" in refused.reason
    assert apply(registry, follower, kube("a", "read"), kube("b", "list"), policy(X9)).published
    bare = PolicyDefinition(name="bare", version="1.0", cedar="permit(principal,action,resource);")
    (refused,) = apply(registry, follower, bare).refused
    assert "canonical form" in refused.reason


def test_an_id_names_one_rule_of_all_that_hold_together(
    registry: MemoryDefinitionLog, follower: DefinitionFollower
) -> None:
    first = policy('@id("stop") forbid(principal, action, resource == Tool::"send");', "one")
    again = policy('@id("stop") forbid(principal, action, resource == Tool::"look");', "two")
    apply(registry, follower, SEND, LOOK, first)
    (refused,) = apply(registry, follower, again, tenant="acme").refused
    assert refused.reason == "another policy in force has a rule stop: give it another @id"
    newer = policy('@id("stop") forbid(principal, action, resource);', "one", "1.1")
    assert apply(registry, follower, newer).published


def test_policies_have_no_other_names() -> None:
    alias = DefinitionAliased(
        **{k: v for k, v in about("policy", "x").items() if k != "version"}, target="rules"
    )
    assert "they have no other names" in objection(Definitions(), alias)


def test_a_test_says_by_which_rules_it_is_decided() -> None:
    rule = '@id("small") permit(principal, action == Action::"tool.call", resource);'
    asked: dict[str, Any] = {
        "principal": 'Agent::"a"', "action": "tool.call", "resource": 'Tool::"t"',
        "expect": "permit",
    }  # fmt: skip
    right, wrong = (PolicyTest(name=each, by=(each,), **asked) for each in ("small", "large"))
    tested = policy(rule).model_copy(update={"tests": (right, wrong)})

    assert faults_of(tested, []) == ["test large: expected to be decided by large, not by small"]


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("context.arguments.amount > 100", "lessThan(decimal("),
        ('context.arguments.amount.lessThan(decimal("1.0.1"))', "failed to parse as a decimal"),
        ("context.arguments.order == 7", "list order in `policy_arguments` of the contract of pay"),
    ],
)
def test_a_fault_of_a_rule_says_what_to_do(condition: str, said: str) -> None:
    properties = {"amount": {"type": "number"}, "order": {"type": "integer"}}
    schema = {"type": "object", "properties": properties}
    pay = tool("pay", input_schema=schema, policy_arguments=("amount",))
    name = "order" if "order" in condition else "amount"
    rule = (
        'permit(principal, action == Action::"tool.call", resource) '
        f"when {{ context.arguments has {name} && {condition} }};"
    )
    assert said in faults_of(policy(rule), [pay])[0]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ('Tool::"shelf.raed"', ['Tool::"shelf.raed"', 'Did you mean "shelf.read"?']),
        ('Agent::"clrek"', ['Agent::"clrek"', 'Did you mean "clerk"?']),
        ('Tool::"shelf.read"', []),
        ('Tool::"of.another.day"', ['Tool::"of.another.day"']),
    ],
)
def test_a_name_that_nothing_has_is_noted_with_the_nearest_one(
    load: Load, named: str, said: list[str]
) -> None:
    kind = "resource" if named.startswith("Tool") else "principal"
    heads = {"principal": "principal", "resource": "resource", kind: f"{kind} == {named}"}
    rule = f"forbid({heads['principal']}, action, {heads['resource']});"
    remarks = [str(each) for each in load(AGENT, TOOL, manifest(rule)).remarks if "::" in str(each)]

    assert len(remarks) == bool(said)
    assert all(part in remark for part in said for remark in remarks)
    assert ["Did you mean" in remark for remark in remarks] == ([len(said) > 1] if said else [])
