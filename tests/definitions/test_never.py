"""Rules that can never match are refused, as far as they show it; what can match is not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runfold.processors.run.policy.cedar.checking import faults
from runfold.processors.run.policy.cedar.engine import Says, of_one
from runfold.processors.run.policy.cedar.never import never_true
from runfold.processors.run.policy.cedar.request import Asked, Entity, action_of
from tests.deciders.given import LOOK
from tests.deciders.governed import PAY, policy

HEAD = 'permit(principal, action == Action::"tool.call", resource)'

NEVER = [
    "when { context.hour < 6 && context.hour > 20 }",
    "when { context.hour < 6 } when { context.hour >= 6 }",
    "when { context.hour < 6 } unless { context.hour <= 7 }",
    "when { 6 > context.hour && 20 < context.hour }",
    "when { resource.level > 4 }",
    "when { resource.level < 0 }",
    "when { context.hour == 24 }",
    "when { context.weekday == 0 || context.weekday > 7 }",
    "when { context.hour > 22 && context.hour != 23 }",
    "when { resource.level == 1 && resource.level == 2 }",
    "when { resource.level == 3 && resource.level < 3 }",
    'when { resource.owner == "a" && resource.owner == "b" }',
    'when { resource.owner == "a" && resource.owner != "a" }',
    'when { ["a", "b"].contains(resource.owner) && ["c"].contains(resource.owner) }',
    'when { resource.owner == "c" && ["a", "b"].contains(resource.owner) }',
    'when { context.classification == "secret" }',
    "when { resource.idempotent && !resource.idempotent }",
    "when { resource.idempotent } unless { resource.idempotent }",
    'when { context.roles.contains("a") && !context.roles.contains("a") }',
    'when { resource.owner like "a*" && !(resource.owner like "a*") }',
    'when { context.cost.lessThan(decimal("1.0")) && context.cost.greaterThan(decimal("2.0")) }',
    'when { context.cost.lessThan(decimal("0.0")) }',
    'when { principal == Agent::"a" && principal == Agent::"b" }',
    "when { (context.hour < 3 || context.hour > 20) && context.hour > 5 && context.hour < 18 }",
    "when { !(context.hour >= 0) }",
    "when { false }",
]
SOMETIMES = [
    "when { context.hour < 6 || context.hour > 20 }",
    "when { context.hour > 22 }",
    "when { resource.level >= 4 }",
    "when { resource.level > 2 && resource.level != 3 }",
    'when { ["a", "b"].contains(resource.owner) && ["b"].contains(resource.owner) }',
    'when { resource.owner == "a" || resource.owner == "b" }',
    'when { context.roles.contains("a") && context.roles.contains("b") }',
    'when { context.roles.contains("a") && !context.roles.contains("b") }',
    'when { context.cost.lessThan(decimal("1.0")) && context.cost.greaterThan(decimal("0.9998")) }',
    "when { context.step < context.tool_calls && context.tool_calls < context.step + 3 }",
    'when { context.taint.containsAny(["a"]) }',
    "unless { context.hour < 6 && context.hour > 20 }",
]
NOT_FOUND = [
    # One attribute compared with another, sums, and what sets contain together.
    "when { context.step < context.tool_calls && context.tool_calls < context.step }",
    "when { context.step + 1 < 0 }",
    'when { context.roles.containsAll(["a"]) && !context.roles.contains("a") }',
    'when { resource.owner like "a*" && resource.owner like "b*" }',
]


@pytest.mark.parametrize("condition", NEVER)
def test_a_rule_that_can_never_match_is_refused(condition: str) -> None:
    (fault,) = faults(policy(f'@id("n") {HEAD} {condition};'), [LOOK])
    assert "rule n" in fault
    assert "never match" in fault


@pytest.mark.parametrize("condition", [*SOMETIMES, *NOT_FOUND])
def test_a_rule_of_which_that_is_not_known_is_published(condition: str) -> None:
    assert faults(policy(f"{HEAD} {condition};"), [LOOK]) == []


def test_a_head_and_a_condition_may_contradict_each_other() -> None:
    rule = """permit(principal == Agent::"a", action == Action::"tool.call", resource)
    when { principal == Agent::"b" };"""
    (fault,) = faults(policy(rule), [LOOK])
    assert "never match" in fault


def test_arguments_are_looked_at_too() -> None:
    rule = f"""{HEAD} when {{ context.arguments has count && context.arguments.count > 9
    && context.arguments.count < 4 }};"""
    (fault,) = faults(policy(rule), [PAY])
    assert "never match" in fault


def test_a_condition_with_many_alternatives_is_left_alone() -> None:
    many = " && ".join(f"(context.step > {n} || context.hour < {n})" for n in range(9, 18))
    assert faults(policy(f"{HEAD} when {{ {many} }};"), [LOOK]) == []


def conditions(level: int, hour: int) -> st.SearchStrategy[str]:
    """Conditions about values that are those of the question, or next to them."""

    def compared(of: str, value: int) -> st.SearchStrategy[str]:
        operators = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
        near = st.integers(value - 1, value + 1)
        return st.builds(lambda operator, n: f"{of} {operator} {n}", operators, near)

    atoms = st.one_of(
        compared("resource.level", level),
        compared("context.hour", hour),
        st.sampled_from(['resource.owner == "a"', 'resource.owner != "a"']),
        st.sampled_from(['["a"].contains(resource.owner)', "resource.idempotent"]),
    )
    return st.recursive(
        atoms,
        lambda inner: st.one_of(
            st.builds(lambda one, other: f"({one} && {other})", inner, inner),
            st.builds(lambda one, other: f"({one} || {other})", inner, inner),
            inner.map(lambda one: f"!({one})"),
        ),
        max_leaves=5,
    )


@settings(max_examples=200)
@given(st.data(), st.integers(0, 4), st.integers(0, 23), st.sampled_from("ab"), st.booleans())
def test_no_rule_that_matches_anything_is_refused(
    data: st.DataObject, level: int, hour: int, owner: str, idempotent: bool
) -> None:
    made = policy(f"{HEAD} when {{ {data.draw(conditions(level, hour))} }};")
    tool = Entity("Tool", "look", (("level", level), ("owner", owner), ("idempotent", idempotent)))
    asked = Asked(Entity("Agent", "a"), action_of("tool.call"), tool, {"hour": hour})
    if of_one(made).answer(asked).says is Says.PERMIT:
        (rule,) = of_one(made).bodies.values()
        assert not never_true(rule)
