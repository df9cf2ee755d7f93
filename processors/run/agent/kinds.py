"""The kinds of calls that an agent loop makes: one row each."""

from __future__ import annotations

from collections.abc import Mapping

from runfold.events.calls import CallResult, ContextResult, ModelResult, PolicyResult, ToolResult
from runfold.events.calls.kinds import CONTEXT, MODEL, POLICY, TOOL
from runfold.processors.run.agent import context_calls, model_calls, policy_calls, tool_calls
from runfold.processors.run.agent.open_calls import CallRules, nothing_to_note
from runfold.processors.run.state import OpenCall

RULES: Mapping[str, CallRules] = {
    MODEL.name: CallRules(
        begin=model_calls.begin,
        answered=model_calls.answered,
        failed=model_calls.failed,
        lost=model_calls.lost,
        late=model_calls.late,
    ),
    TOOL.name: CallRules(
        begin=tool_calls.begin,
        answered=tool_calls.answered,
        failed=tool_calls.failed,
        lost=tool_calls.lost,
        late=tool_calls.late,
        doubted=tool_calls.doubted,
    ),
    CONTEXT.name: CallRules(
        begin=context_calls.begin,
        answered=context_calls.answered,
        failed=context_calls.failed,
        lost=context_calls.lost,
        late=nothing_to_note,
    ),
    POLICY.name: CallRules(
        begin=policy_calls.begin,
        answered=policy_calls.answered,
        failed=policy_calls.failed,
        lost=policy_calls.lost,
        late=nothing_to_note,
    ),
}

_KIND_OF: Mapping[type[CallResult], str] = {
    ModelResult: MODEL.name,
    ToolResult: TOOL.name,
    ContextResult: CONTEXT.name,
    PolicyResult: POLICY.name,
}


def rules_of(call: OpenCall) -> CallRules:
    """Return the rules of an open call's kind."""
    return RULES[call.kind]


def kind_of(result: CallResult) -> str:
    """Return the kind of call that a result belongs to."""
    return _KIND_OF[type(result)]
