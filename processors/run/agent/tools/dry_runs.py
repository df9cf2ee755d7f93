"""Dry runs: a call whose contract says how is tried without an effect before it is decided on [95].

    proposed ──▶ judged ──▶ DryRunStarted ──▶ DryRunSucceeded ──▶ judged again ──▶ approved, asked
                                         └──▶ DryRunFailed ─────▶ denied

The result is shown to whoever approves the call, and not to the model. From behaviour 8 on a dry
run begins where tool calls do: not while the run begins nothing, and as fast as its tenant allows.
"""

from __future__ import annotations

from typing import Any

from runfold.events import run as j
from runfold.events.calls import ToolResult
from runfold.events.calls.kinds import TOOL
from runfold.events.contents.content import NOTHING, Content, json_content
from runfold.events.definitions import ToolContract
from runfold.events.json_schema import UncheckableError, parsed
from runfold.events.values import ErrorInfo
from runfold.processors.run.agent.calls.attribution import attribution
from runfold.processors.run.agent.calls.open_calls import retry_or
from runfold.processors.run.agent.tools.approving import let_through
from runfold.processors.run.behaviour import BY_GATE
from runfold.processors.run.draft import Draft
from runfold.processors.run.lifecycle import pacing
from runfold.processors.run.policy import tainted
from runfold.processors.run.policy.judging import FORBIDDEN, changed_since, judge_call
from runfold.processors.run.policy.rules import DRY_RUN_FIRST, NEEDS_APPROVAL
from runfold.processors.run.policy.withdrawn import withdrawn_tool
from runfold.processors.run.state import CallStatus, DryRunCall, Live, OpenCall, RoundCall

CANNOT, FAILED = "no_dry_run", "dry_run_failed"


def waits_for_one(run: Live, call: OpenCall) -> bool:
    """Whether a proposed call has a dry run ahead of it that is not handed out."""
    if call.status is not CallStatus.PROPOSED or run.behaviour < BY_GATE:
        return False
    return not any(isinstance(c, DryRunCall) and c.of == call.call_id for c in run.loop.calls)


def is_needed(contract: ToolContract, arguments: Content) -> bool:
    """Whether a call of a tool has a dry run, and is none itself."""
    return contract.dry_run is not None and not is_one(contract, arguments)


def try_first(draft: Draft, call: RoundCall) -> None:
    """Hand out the dry run that a call waits for, unless it comes too early.

    Where policies have changed since the call was judged it is judged again, and may not need one.
    """
    if not waits_for_one(draft.run, call) or pacing.must_wait(draft, TOOL.name):
        return
    contract = draft.contract(call.tool)
    if reason := withdrawn_tool(draft, call.tool):
        draft.deny(call.call_id, "withdrawn", reason)
    elif changed_since(draft, call):
        _judge_again(draft, call, contract)
    else:
        begin_for(draft, call.call_id, contract, call.arguments)


def begin_for(draft: Draft, call_id: str, contract: ToolContract, arguments: Content) -> bool:
    """Hand out the dry run of a call that was proposed; return whether one is under way.

    A call that is a dry run already needs none. One that cannot have its dry run is denied.
    """
    asked = contract.dry_run
    if asked is None:
        return False
    if asked.argument is not None:
        if is_one(contract, arguments):
            return False
        given = _with(asked.argument, arguments)
        return _begin(draft, call_id, contract, given) if given else _cannot(draft, call_id)
    other = draft.tool(asked.tool or "")
    # What is called for it is a pure read, and the agent's own.
    if other is None or other.risk_level > 0:
        return _cannot(draft, call_id)
    judged = judge_call(draft, other, other.name, draft.next_call_id(), arguments)
    draft.say(judged.decision)
    permitted = judged.decision.effect is j.PolicyEffect.PERMIT
    if not permitted or NEEDS_APPROVAL in judged.decision.obligations:
        return _cannot(draft, call_id)
    return _begin(draft, call_id, other, arguments)


def is_one(contract: ToolContract, arguments: Content) -> bool:
    """Whether a call's own arguments make it a dry run."""
    name = contract.dry_run.argument if contract.dry_run else None
    given = _object(arguments)
    return name is not None and given is not None and given.get(name) is True


def begin(draft: Draft, call: DryRunCall) -> None:
    """Hand the next attempt out."""
    contract = draft.contract(call.tool)
    draft.say(
        j.DryRunStarted(
            call_id=call.call_id,
            of=call.of,
            attempt=call.attempt + 1,
            tool=call.tool,
            tool_version=call.tool_version,
            arguments=call.arguments,
            placement=contract.placement,
            timeout_ms=contract.timeout_ms,
        )
    )


def answered(draft: Draft, call: DryRunCall, result: ToolResult) -> None:
    """Record what the call would do; then it is judged as it stands now."""
    draft.say(
        j.DryRunSucceeded(
            call_id=call.call_id,
            attempt=call.attempt,
            tool=call.tool,
            result=result.result or NOTHING,
            latency_ms=result.latency_ms,
            attribution=attribution(draft.run),
            cost=result.cost,
        )
    )
    _go_on(draft, call.of)


def failed(draft: Draft, call: DryRunCall, result: ToolResult) -> None:
    """Record that it failed: it is tried again as the contract says, or the call is denied."""
    error = result.error or ErrorInfo(
        error_type="tool_error", message=draft.model("no_reason"), retryable=False
    )
    _failed(draft, call, error, result)


def lost(draft: Draft, call: DryRunCall) -> None:
    """Try again: a dry run changes nothing."""
    error = ErrorInfo(error_type="timeout", message=draft.model("result_lost"), retryable=True)
    _failed(draft, call, error)


def undecided(draft: Draft, call: DryRunCall, error: ErrorInfo) -> None:
    """Record that nobody could decide what its result means: the call is denied."""
    _failed(draft, call, error)


def _failed(
    draft: Draft, call: DryRunCall, error: ErrorInfo, result: ToolResult | None = None
) -> None:
    contract = draft.contract(call.tool)
    failure = j.DryRunFailed(
        call_id=call.call_id,
        attempt=call.attempt,
        tool=call.tool,
        error=error,
        latency_ms=result.latency_ms if result else 0,
        attribution=attribution(draft.run),
        cost=result.cost if result else None,
        untrusted=tainted.taints(draft, call.tool),
    )

    def give_up() -> None:
        reason = draft.model("dry_run_failed", tool=call.tool, problem=error.message)
        draft.deny(call.of, FAILED, reason)

    retry_or(draft, call, failure, error, contract.retry, give_up)


def _go_on(draft: Draft, call_id: str) -> None:
    """Let a call begin whose dry run is over, or have a person asked, as policies are now."""
    call = draft.run.loop.call(call_id)
    if isinstance(call, RoundCall):
        _judge_again(draft, call, draft.contract(call.tool), tried=True)


def _judge_again(
    draft: Draft, call: RoundCall, contract: ToolContract, *, tried: bool = False
) -> None:
    judged = judge_call(draft, contract, call.tool, call.call_id, call.arguments)
    draft.say(judged.decision)
    if judged.refusal is not None:
        draft.deny(call.call_id, FORBIDDEN, judged.refusal)
    elif not tried and DRY_RUN_FIRST in judged.decision.obligations:
        begin_for(draft, call.call_id, contract, call.arguments)
    else:
        let_through(draft, call.call_id, contract, call.arguments, judged)


def _begin(draft: Draft, of: str, contract: ToolContract, arguments: Content) -> bool:
    call = DryRunCall(
        call_id=draft.next_call_id(),
        of=of,
        tool=contract.name,
        tool_version=contract.version,
        arguments=arguments,
    )
    begin(draft, call)
    return True


def _cannot(draft: Draft, call_id: str) -> bool:
    draft.deny(call_id, CANNOT, draft.model("no_dry_run"))
    return True


def _with(name: str, arguments: Content) -> Content | None:
    """Return the arguments with the one that makes a dry run; None where they lie elsewhere."""
    given = _object(arguments)
    return None if given is None else json_content({**given, name: True})


def _object(arguments: Content) -> dict[str, Any] | None:
    if arguments.inline is None:
        return None
    try:
        found = parsed(arguments.inline)
    except (ValueError, UncheckableError):
        return None
    return found if isinstance(found, dict) else None
