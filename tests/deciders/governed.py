"""Policies, the tools that they speak of, and stories under them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from runfold.events import run as j
from runfold.events.definitions import (
    Definitions,
    PolicyDefinition,
    ToolContract,
)
from runfold.events.records import commands
from runfold.processors.definitions.record import announce
from runfold.processors.run.policy.cedar.checking import canonical
from tests.deciders.given import (
    LOOK,
    RUN,
    SEND,
    TENANT,
    WRITE,
    agent,
    answer,
    control,
    request,
    tool,
)
from tests.deciders.policies.test_governed import NOW, after, published
from tests.spec import Story

TOOL_CALLS = 'action == Action::"tool.call"'
SENDS = 'permit(principal, action == Action::"tool.call", resource == Tool::"send");'
X9 = """permit(
  principal == Agent::"deploy-bot",
  action in [Action::"read", Action::"list"],
  resource == Namespace::"production"
);"""
"""The source document's own example, as it stands there."""


def policy(cedar: str, name: str = "rules", version: str = "1.0") -> PolicyDefinition:
    return PolicyDefinition(name=name, version=version, cedar=canonical(cedar))


def governed(*rules: str, tools: tuple[ToolContract, ...] = (), **changes: Any) -> Definitions:
    named = [policy(each, f"rules-{n}") for n, each in enumerate(rules)]
    known = tools or (LOOK, WRITE, SEND)
    names = tuple(each.name for each in known)
    return published(*known, agent(**{"tools": names, **changes}), *named)


def asking(definitions: Definitions, *calls: Any, **asked: Any) -> Story:
    return Story(definitions).when(request(**asked), answer(*calls))


def decided(story: Story) -> j.PolicyDecided:
    """The decision on the call or on the beginning, whatever is said of the model's next call."""
    found = (fact for fact in story.said if isinstance(fact, j.PolicyDecided))
    return next(fact for fact in found if fact.action != "model.use")


def changed(story: Story, definitions: Definitions) -> Story:
    return replace(story, definitions=definitions)


def replace_arguments(proposed: Any, arguments: Any) -> Any:
    return proposed.model_copy(update={"arguments": arguments})


def published_for(known: Definitions, made: PolicyDefinition) -> Definitions:
    return after(known, announce(made, "ann", NOW, TENANT))


def announced(*made: PolicyDefinition) -> list[Any]:
    return [announce(each, "ann", NOW) for each in made]


def approve(n: int = 2, **more: Any) -> commands.Control:
    return control(commands.ApproveToolCall, "a1", call_id=f"{RUN}.{n}", **more)


NO_SENDING = 'forbid(principal, action == Action::"tool.call", resource == Tool::"send");'


PAY = tool(
    "pay",
    risk_level=3,
    approval="never",
    policy_arguments=("amount", "count", "to", "tags"),
    input_schema={
        "type": "object",
        "properties": {
            "amount": {"type": "number"},
            "count": {"type": "integer"},
            "to": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
    },
)


SMALL = """permit(principal, action == Action::"tool.call", resource == Tool::"pay")
when { context.arguments has amount && context.arguments.amount.lessThan(decimal("100.0")) };"""


WAITING = tool("send", risk_level=3, approval="always")


NAMESPACED: dict[str, Any] = {
    "input_schema": {
        "type": "object",
        "properties": {"namespace": {"type": "string"}, "path": {"type": "string"}},
    },
    "risk_level": 0,
}


def kube(name: str, action: str) -> ToolContract:
    about_ = {"action": action, "resource": {"type": "Namespace", "argument": "namespace"}}
    return tool(name, policy=about_, **NAMESPACED)


NO_X = 'forbid(principal, action == Action::"model.use", resource == Model::"{}");'
