"""What is wrong with a call that the run answers itself, by the behaviour that the run began with.

From behaviour 4 on its arguments must fit the schema that the model was offered, and a completion
may name only artifacts that the run knows of.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from runfold.events.contents.content import Content
from runfold.events.json_schema import loaded
from runfold.events.values import ProposedCall
from runfold.processors.run.agent.controls import control_tools
from runfold.processors.run.agent.tools.arguments import COUNTED, schema_fault
from runfold.processors.run.agent.tools.reasons import without_reason
from runfold.processors.run.draft import Draft
from runfold.processors.run.ids import artifact_of

_SCHEMAS = {each.name: json.loads(each.input_schema) for each in control_tools.SCHEMAS}


def fault_of(draft: Draft, call: ProposedCall) -> str | None:
    """Return why a call of one of the ``INTRINSICS`` is not taken, in words for the model."""
    if draft.behaviour >= COUNTED and (fault := _breach(draft, call)):
        return fault
    if fault := control_tools.fault_of(call, draft.behaviour):
        return fault
    if draft.behaviour >= COUNTED and call.name == control_tools.COMPLETE:
        return _unknown_artifact(draft, call)
    return None


def _breach(draft: Draft, call: ProposedCall) -> str | None:
    if call.problem or call.arguments.inline is None:
        return None
    return schema_fault(draft.behaviour, call.name, _SCHEMAS[call.name], call.arguments.inline)


def _unknown_artifact(draft: Draft, call: ProposedCall) -> str | None:
    """Return why a completion names what no call of the run made or named, if the journal can tell.

    It cannot where a result or arguments lie elsewhere: then every name is taken.
    """
    named = (control_tools.arguments_of(call) or {}).get("artifacts") or ()
    if not named:
        return None
    texts: list[str] = []
    for held in _successes(draft):
        if held.inline is None or artifact_of(held) is not None:
            return None
        try:
            texts += _texts(loaded(held.inline))
        except ValueError:
            return None
    for name in named:
        if not name.strip() or not any(name in text for text in texts):
            return draft.model("unknown_artifact", name=name[:200])
    return None


def _successes(draft: Draft) -> Iterator[Content]:
    """Yield results of tool calls that succeeded, and the arguments that those were made with."""
    asked: dict[str, Content] = {}
    for message in draft.run.loop.transcript.messages:
        for call in message.tool_calls:
            asked[call.id] = without_reason(draft, call)[0].arguments
        if message.role.value == "tool" and not message.is_error and message.content is not None:
            yield message.content
            if message.call_id in asked:
                yield asked[message.call_id]


def _texts(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
