"""Of a set only the rules whose heads may match are asked: the answer is that of the whole set."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from runfold.events.definitions import Definitions
from runfold.processors.definitions.record import announce, fold
from runfold.processors.run.policy.cedar.engine import ParsedSet, Says, parsed_set
from runfold.processors.run.policy.cedar.request import Asked, Entity, action_of
from tests.deciders.governed import policy
from tests.deciders.policies.test_governed import NOW

ACTIONS = ("tool.call", "model.use", "read", "memory.read")
RESOURCES = (("Tool", "a"), ("Tool", "b"), ("Model", "a"), ("File", "a"))

names = st.sampled_from([f'Action::"{each}"' for each in ACTIONS])
things = st.sampled_from([f'{kind}::"{name}"' for kind, name in RESOURCES])
action_heads = st.one_of(
    st.just("action"),
    names.map(lambda each: f"action == {each}"),
    names.map(lambda each: f"action in {each}"),
    st.lists(names, min_size=1, max_size=2).map(lambda each: f"action in [{', '.join(each)}]"),
)
resource_heads = st.one_of(
    st.just("resource"),
    things.map(lambda each: f"resource == {each}"),
    things.map(lambda each: f"resource in {each}"),
    st.sampled_from(["Tool", "Model", "File"]).map(lambda kind: f"resource is {kind}"),
    things.map(lambda each: f"resource is {each.partition(':')[0]} in {each}"),
)
conditions = st.sampled_from(
    [
        "",
        "",
        "",
        "when { context.step > 3 }",
        "when { context.gone > 3 }",
        "when { resource.level < 2 }",
    ]
)
principal_heads = st.sampled_from(
    ["principal"] * 4 + ["principal is Agent", 'principal == Agent::"other"', "principal is User"]
)
rules = st.builds(
    "{}({}, {}, {}) {};".format,
    st.sampled_from(["permit", "forbid"]),
    principal_heads,
    action_heads,
    resource_heads,
    conditions,
)


def set_of(texts: list[str]) -> ParsedSet:
    known = Definitions()
    for number, each in enumerate(texts):
        known, _ = fold(known, announce(policy(each, f"p{number}"), "ann", NOW), number)
    found = known.policies(None)
    assert found is not None
    return parsed_set(found)


@given(
    st.lists(rules, min_size=1, max_size=6),
    st.sampled_from(ACTIONS),
    st.sampled_from(RESOURCES),
    st.integers(0, 6),
)
def test_a_part_says_what_the_whole_says(
    texts: list[str], action: str, resource: tuple[str, str], step: int
) -> None:
    rules_of_all = set_of(texts)
    about = Entity(*resource, (("level", 1),))
    asked = Asked(Entity("Agent", "clerk"), action_of(action), about, {"step": step})
    # What belongs to something is asked of all rules; no rule speaks of that.
    belongs = replace(asked, resource=replace(about, parents=(("Elsewhere", "x"),)))
    assert shown(rules_of_all, asked) == shown(rules_of_all, belongs)


bare = st.builds(
    "{}(principal, {}, {});".format,
    st.sampled_from(["permit", "forbid"]),
    action_heads,
    resource_heads,
)


@given(st.lists(bare, min_size=1, max_size=3), st.sampled_from(ACTIONS), st.sampled_from(RESOURCES))
@settings(max_examples=400)
def test_what_heads_alone_say_is_what_cedar_says(
    texts: list[str], action: str, resource: tuple[str, str]
) -> None:
    test_a_part_says_what_the_whole_says.hypothesis.inner_test(texts, action, resource, 1)


def shown(rules_of_all: ParsedSet, asked: Asked) -> tuple[Says, Any]:
    said = rules_of_all.answer(asked)
    return said.says, said.rules


def test_a_hundred_rules_on_other_tools_are_not_asked() -> None:
    texts = [
        f'permit(principal, action == Action::"tool.call", resource == Tool::"t{n}");'
        for n in range(100)
    ]
    rules_of_all = set_of(texts)
    asked = Asked(
        Entity("Agent", "clerk"), action_of("tool.call"), Entity("Tool", "t7"), {"step": 1}
    )
    assert rules_of_all.answer(asked).says is Says.PERMIT
    (part,) = rules_of_all.parts.values()
    assert part.handle is not rules_of_all.handle
    # Neither has a rule with a condition among them: what they say is known once they are gathered.
    assert part.fixed == rules_of_all.answer(asked)
    unnamed = replace(asked, resource=Entity("Tool", "nobody-names-it"))
    for number in range(50):
        unnamed = replace(unnamed, resource=Entity("Tool", f"made-up-{number}"))
        assert rules_of_all.answer(unnamed).says is Says.NOTHING
    assert len(rules_of_all.parts) == 2
