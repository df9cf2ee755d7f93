"""Why a model calls a tool: asked for by the tool's schema, since most say nothing beside a call.

A model that calls a tool seldom writes a text with it. So from behaviour 5 on the schema that it is
shown has one more optional property; what the model writes there is recorded as the reason, and is
no argument: neither the contract's schema nor the tool sees it. An agent may do without it
(``ask_reasons``); a tool that has a property of that name itself is shown as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from runfold.events.border import text_of
from runfold.events.contents.content import JSON, Content, content
from runfold.events.definitions import AgentDefinition, ToolContract
from runfold.events.json_schema import loaded
from runfold.events.json_schema.values import without_member
from runfold.events.values import ModelAnswer, ProposedCall
from runfold.processors.run.agent.controls import control_tools
from runfold.processors.run.draft import Draft

PROPERTY = "call_reason"
BEGUN = 5
"""The behaviour from which reasons are asked for."""

LONGEST = 200
"""Characters of a reason, and of the summary of a decision, that are recorded."""

_PLAIN = frozenset(
    {"$schema", "$defs", "type", "properties", "required", "additionalProperties"}
    | {"title", "description", "examples", "default", "deprecated", "$comment"}
)
"""Keywords of a schema's root that say of no other property that it may be there."""

_ASKED = {"type": "string", "description": "In one sentence: why this call is made now."}
_NAMED = f'"{PROPERTY}"'.encode()

_SPOKEN = {
    control_tools.COMPLETE: "summary",
    control_tools.FAIL: "reason",
    control_tools.ASK: "question",
}
"""The arguments in which calls that the run answers itself say what they are for."""


def are_asked(behaviour: int, agent: AgentDefinition, contract: ToolContract) -> bool:
    """Whether a model is asked why it calls a tool."""
    return behaviour >= BEGUN and agent.ask_reasons and _is_free(contract.input_schema)


def _is_free(schema: Mapping[str, Any]) -> bool:
    """Whether the property is certainly none of the tool's own.

    Only a schema that lists its properties shows that. Where another keyword may name or admit one
    (``$ref``, ``allOf``, ``patternProperties``), nothing is asked, and nothing is taken away.
    """
    return (
        schema.keys() <= _PLAIN
        and schema.get("additionalProperties", False) is False
        and PROPERTY not in properties_of(schema)
        and PROPERTY not in schema.get("required", ())
    )


def asking(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a tool's input schema with the property in which a model says why."""
    return {**schema, "properties": {**properties_of(schema), PROPERTY: _ASKED}}


def without_reason(draft: Draft, call: ProposedCall) -> tuple[ProposedCall, str]:
    """Return a call as its tool gets it, and the reason that the model gave, empty for none."""
    if draft.behaviour < BEGUN or call.problem or not _may_say(call.arguments):
        return call, ""
    contract = draft.tool(call.name)
    if contract is None or not are_asked(draft.behaviour, draft.agent(), contract):
        return call, ""
    arguments, reason = parted(call.arguments)
    return call.model_copy(update={"arguments": arguments}), reason


def parted(arguments: Content) -> tuple[Content, str]:
    """Return arguments without the reason, and the reason; as they are where they have none."""
    if not _may_say(arguments):
        return arguments, ""
    try:
        inline = arguments.inline or b""
        value = loaded(inline)
        if not isinstance(value, dict) or PROPERTY not in value:
            return arguments, ""
        # Whatever else the model wrote stays as it wrote it: numbers are not rounded, and an
        # approver, a claim and a check of repeats see the same with a reason and without one.
        rest = without_member(inline.decode().removeprefix("\ufeff"), PROPERTY)
        return content(rest.encode(), JSON), _words(value[PROPERTY])
    except ValueError:
        # Whoever checks the arguments says what is wrong with them.
        return arguments, ""


def summary_of(draft: Draft, answer: ModelAnswer) -> str:
    """Return why a model decided as it did: by its calls, else by what it said."""
    said = (answer.text.inline or b"").decode("utf-8", "replace") if answer.text else ""
    if draft.behaviour < BEGUN:
        return said[:LONGEST]
    reasons = dict.fromkeys(filter(None, (without_reason(draft, c)[1] for c in answer.tool_calls)))
    found = "; ".join(reasons) or said or "; ".join(_spoken(answer.tool_calls))
    return found[:LONGEST]


def _spoken(calls: Iterable[ProposedCall]) -> Iterable[str]:
    for call in calls:
        if call.name in _SPOKEN:
            arguments = control_tools.arguments_of(call) or {}
            yield _words(arguments.get(_SPOKEN[call.name]))


def _may_say(arguments: Content) -> bool:
    inline = arguments.inline
    if inline is None or arguments.media_type != JSON:
        return False
    # A name may be spelled with escapes.
    return _NAMED in inline or b"\\u" in inline


def _words(said: object) -> str:
    return text_of(said).strip()[:LONGEST] if isinstance(said, str) else ""


def properties_of(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the properties that a schema names."""
    found = schema.get("properties")
    return found if isinstance(found, dict) else {}
