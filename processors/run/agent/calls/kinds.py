"""The kinds of calls that an agent loop makes: one row each."""

from __future__ import annotations

from collections.abc import Mapping

from runfold.events.calls import CallResult, ContextResult, ModelResult, PolicyResult, ToolResult
from runfold.events.calls.kinds import CONTEXT, MODEL, POLICY, TOOL
from runfold.events.traits import DRY_RUN, JUDGE
from runfold.processors.run.agent.calls.open_calls import CallRules, nothing_to_note
from runfold.processors.run.agent.models import context_calls, judging, model_calls
from runfold.processors.run.agent.tools import dry_runs, policy_calls, tool_calls
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
    JUDGE: CallRules(
        begin=judging.begin,
        answered=judging.answered,
        failed=judging.failed,
        lost=judging.lost,
        late=model_calls.late,
    ),
    DRY_RUN: CallRules(
        begin=dry_runs.begin,
        answered=dry_runs.answered,
        failed=dry_runs.failed,
        lost=dry_runs.lost,
        late=tool_calls.late,
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


_WORKS_AS: Mapping[str, str] = {DRY_RUN: TOOL.name, JUDGE: MODEL.name}
"""Kinds of calls whose work and result are those of another kind."""


def kind_of(result: CallResult, call: OpenCall | None) -> str:
    """Return the kind of call that a result belongs to; ``call`` is open by its id, if any is."""
    kind = _KIND_OF[type(result)]
    return call.kind if call is not None and _WORKS_AS.get(call.kind) == kind else kind
