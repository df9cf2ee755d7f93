"""Memory and documents: tools that read and write them are authorised as what they do."""

from __future__ import annotations

import pytest

from runfold.events import run as j
from runfold.events.contents.content import text
from runfold.events.definitions import ToolContract
from runfold.events.values import Attachment
from runfold.events.wording import plain
from runfold.processors.run.policy.cedar.checking import contract_faults, faults
from tests.deciders.given import call, request, tool
from tests.deciders.governed import asking, decided, governed, policy
from tests.spec import Story

SCHEMA = {"type": "object", "properties": {"space": {"type": "string"}}}


def remembering(name: str, action: str, kind: str, level: int = 0) -> ToolContract:
    about = {"action": action, "resource": {"type": kind, "argument": "space"}}
    return tool(name, policy=about, input_schema=SCHEMA, risk_level=level, approval="never")


RECALL = remembering("recall", "memory.read", "Memory")
REMEMBER = remembering("remember", "memory.write", "Memory", level=1)
OPEN = remembering("open", "document.read", "Document")
TOOLS = (RECALL, REMEMBER, OPEN)
READS = """permit(principal, action == Action::"memory.read", resource == Memory::"team");
permit(principal, action == Action::"document.read", resource);
forbid(principal, action in [Action::"memory.write"], resource)
when { !context.taint.isEmpty() || context.classification == "restricted" };"""


@pytest.mark.parametrize("contract", TOOLS, ids=lambda each: each.name)
def test_contracts_may_name_them(contract: ToolContract) -> None:
    assert contract_faults(contract) == []
    other = contract.model_copy(
        update={
            "policy": contract.policy.model_copy(
                update={"resource": contract.policy.resource.model_copy(update={"type": "File"})}
            )
        }
    )
    (fault,) = contract_faults(other)
    assert "name that type" in fault


@pytest.mark.parametrize("action", ["definition.publish", "release.promote", "tool.call"])
def test_contracts_name_nothing_else_that_every_deployment_has(action: str) -> None:
    (fault,) = contract_faults(remembering("x", action, "Memory"))
    assert "is an action of every deployment" in fault
    (fault,) = contract_faults(remembering("x", "own", "Memory"))
    assert "is a type of every deployment" in fault


def test_policies_on_them_can_be_written_before_there_is_such_a_tool() -> None:
    assert faults(policy(READS), []) == []
    (fault,) = faults(
        policy('permit(principal, action == Action::"memory.read", resource is Document);'), []
    )
    assert "never match" in fault


def test_what_no_rule_permits_is_denied_at_any_level() -> None:
    known = governed(READS, tools=TOOLS)
    permitted = asking(known, call("recall", {"space": "team"}))
    assert decided(permitted).action == "memory.read"
    assert decided(permitted).resource == "Memory/team"
    assert "ToolCallStarted" in permitted.names()
    for name, space in (("recall", "board"), ("remember", "team")):
        story = asking(known, call(name, {"space": space}))
        assert story.only(j.ToolCallDenied).code == "forbidden"
    assert "ToolCallStarted" in asking(known, call("open", {"space": "any"})).names()


def test_a_rule_on_tool_calls_as_a_group_covers_them() -> None:
    rules = 'permit(principal, action in Action::"tool.call", resource);'
    assert faults(policy(rules), list(TOOLS)) == []
    for name in ("recall", "remember", "open"):
        story = asking(governed(rules, tools=TOOLS), call(name, {"space": "any"}))
        assert "ToolCallStarted" in story.names()


LETTER = Attachment(name="letter.txt", content=text("hello"))
NO_LETTERS = """@id("no-letters") @reason("Paste it.")
forbid(principal, action == Action::"document.read", resource == Document::"letter.txt");"""


def test_what_is_attached_is_read_unless_it_is_forbidden() -> None:
    refused = Story(governed(NO_LETTERS)).when(request(attachments=(LETTER,)))
    said = refused.only(j.RunRefused)
    assert said.code == "forbidden"
    assert plain(said.reason) == "forbidden by no-letters: Paste it."
    assert "PolicyDecided" not in Story(governed(NO_LETTERS)).when(request()).names()
    other = LETTER.model_copy(update={"name": "other.txt"})
    story = Story(governed(NO_LETTERS)).when(request(attachments=(other,)))
    assert story.names()[:3] == ["RunCreated", "PolicyDecided", "RunStarted"]
    assert decided(story).resource == "Document/other.txt"
    assert decided(story).effect is j.PolicyEffect.PERMIT


def test_a_rule_on_a_group_speaks_of_attachments_too() -> None:
    group = 'forbid(principal, action in Action::"tool.call", resource is Document);'
    story = Story(governed(group)).when(request(attachments=(LETTER,)))
    assert story.only(j.RunRefused).code == "forbidden"
