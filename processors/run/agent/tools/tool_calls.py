"""Tool calls: how one is made, and what follows from its result or its silence."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from runfold.events import run as j
from runfold.events.calls import Outcome, ToolResult
from runfold.events.calls.children import RunSignal
from runfold.events.calls.kinds import TOOL
from runfold.events.contents.content import NOTHING
from runfold.events.definitions import ToolContract
from runfold.events.trusted import trusted
from runfold.events.values import ErrorInfo, Placement, Sign
from runfold.processors.run.agent import checkpoints
from runfold.processors.run.agent.calls.attribution import attribution
from runfold.processors.run.agent.calls.open_calls import retry_or
from runfold.processors.run.agent.calls.reservations import release
from runfold.processors.run.agent.tools import policy_calls
from runfold.processors.run.agent.tools.approving import still_permitted
from runfold.processors.run.children import requesting, signals
from runfold.processors.run.draft import Draft
from runfold.processors.run.ids import outcome_of
from runfold.processors.run.lifecycle import extending, pacing
from runfold.processors.run.policy import tainted
from runfold.processors.run.policy.withdrawn import withdrawn_tool
from runfold.processors.run.state import CallStatus, Live, RoundCall


def begin(draft: Draft, call: RoundCall) -> None:
    """Hand a permitted call out, within the run's limit of tool calls."""
    if policy_calls.asked_about(draft.run, call.call_id) is not None:
        return
    if call.status is CallStatus.APPROVED and pacing.must_wait(draft, TOOL.name):
        return
    if not _may_begin(draft, call):
        return
    run = draft.run
    contract = draft.contract(call.tool)
    if not policy_calls.cleared(draft, call, contract):
        return
    by_run = requesting.is_child(draft, contract)
    limits = requesting.share(draft, call, contract) if by_run else None
    if by_run and limits is None:
        return
    started = trusted(j.ToolCallStarted)(
        call_id=call.call_id,
        attempt=call.attempt + 1,
        tool=call.tool,
        placement=Placement.RUN if by_run else contract.placement,
        idempotency_key=call.idempotency_key,
        timeout_ms=contract.timeout_ms,
        **(_safe_point(run, contract) if run.behaviour >= 5 else {}),
    )
    draft.say(started)
    if limits is not None:
        requesting.ask(draft, call.call_id, contract, limits)


def _may_begin(draft: Draft, call: RoundCall) -> bool:
    """Whether nothing keeps a call from being made by now; what does is on record."""
    if reason := withdrawn_tool(draft, call.tool):
        draft.deny(call.call_id, "withdrawn", reason)
        return False
    if not still_permitted(draft, call):
        return False
    run = draft.run
    allowed = run.limits.max_tool_calls
    if call.tries == 0 and allowed is not None and run.counters.tool_calls >= allowed:
        extending.limit_met(draft, "max_tool_calls", run.counters.tool_calls, allowed)
        return False
    return True


def _safe_point(run: Live, contract: ToolContract) -> dict[str, Any]:
    """Return what makes the beginning of a call a point to go on from [27, 28]."""
    return {
        "step_number": run.counters.step + 1,
        "resume_policy": trusted(j.ResumePolicy)(
            safe_to_retry=contract.safe_to_repeat, max_attempts=contract.retry.max_attempts
        ),
    }


def lost(draft: Draft, call: RoundCall) -> None:
    """Count a result that did not come as a failure where that is safe; else nobody can know."""
    if call.child is not None and not call.child.cancelled:
        # It is waited for: only its end says what it used.
        said = draft.people("child_out_of_time")
        signals.send(draft, call, RunSignal.CANCEL, f"{call.call_id}/lost", said)
        return
    if call.child is not None:
        release(draft, call.call_id)
    if call.child is not None or draft.contract(call.tool).safe_to_repeat:
        error = ErrorInfo(error_type="timeout", message=draft.model("result_lost"), retryable=True)
        _close_failed(draft, call, error)
    else:
        doubt(draft, call, draft.people("result_lost"))


def _close_failed(
    draft: Draft,
    call: RoundCall,
    error: ErrorInfo,
    latency_ms: int = 0,
    cost: Decimal | None = None,
    signs: tuple[Sign, ...] = (),
) -> None:
    contract = draft.contract(call.tool)
    failure = failure_of(draft.run, call, error, latency_ms, cost)
    if tainted.taints(draft, call.tool):
        failure = failure.model_copy(update={"untrusted": True, "signs": signs})
    retry_or(draft, call, failure, error, contract.retry, lambda: checkpoints.write(draft))


def failure_of(
    run: Live, call: RoundCall, error: ErrorInfo, latency_ms: int, cost: Decimal | None
) -> j.ToolCallFailed:
    """Return the fact that an attempt failed."""
    return j.ToolCallFailed(
        call_id=call.call_id,
        attempt=call.attempt,
        tool=call.tool,
        error=error,
        latency_ms=latency_ms,
        attribution=attribution(run),
        cost=cost,
    )


def unpaid(draft: Draft, call: RoundCall | ToolResult, cost: Decimal | None) -> Decimal | None:
    """Return what an attempt that had ended costs, None where that is on record already."""
    return cost if outcome_of(call.call_id, call.attempt) in draft.run.attempts.lost else None


def doubt(
    draft: Draft, call: RoundCall, reason: str, latency_ms: int = 0, cost: Decimal | None = None
) -> None:
    """Record that nobody knows whether a call happened; the run waits for a person."""
    draft.say(
        j.ToolCallUncertain(
            call_id=call.call_id,
            attempt=call.attempt,
            tool=call.tool,
            reason=reason,
            latency_ms=latency_ms,
            cost=cost,
            attribution=attribution(draft.run) if cost else None,
        )
    )
    checkpoints.write(draft)


def answered(draft: Draft, call: RoundCall, result: ToolResult) -> None:
    """Record a result; it may be the one that settles a doubt."""
    doubted = call.status is CallStatus.UNCERTAIN
    draft.say(
        trusted(j.ToolCallSucceeded)(
            call_id=call.call_id,
            attempt=call.attempt,
            tool=call.tool,
            result=result.result or NOTHING,
            latency_ms=result.latency_ms,
            attribution=attribution(draft.run),
            repeated=result.repeated,
            cost=unpaid(draft, call, result.cost) if doubted else result.cost,
            untrusted=tainted.taints(draft, call.tool),
            signs=tainted.signs(draft, result),
        )
    )
    checkpoints.write(draft)


def doubted(draft: Draft, call: RoundCall, result: ToolResult) -> None:
    """Record that the tool itself cannot say whether it happened."""
    reason = result.error.message if result.error else draft.people("cannot_tell")
    doubt(draft, call, reason, result.latency_ms, result.cost)


def failed(draft: Draft, call: RoundCall, result: ToolResult) -> None:
    """Record a failure; try again after a pause where the contract allows, else tell the model."""
    error = result.error or ErrorInfo(
        error_type="tool_error", message=draft.model("no_reason"), retryable=False
    )
    signs = tainted.signs(draft, result)
    _close_failed(draft, call, error, result.latency_ms, result.cost, signs)


def late(draft: Draft, result: ToolResult) -> None:
    """Keep a late effect or cost on record [170]; a repeat was already recorded."""
    run, outcome = draft.run, outcome_of(result.call_id, result.attempt)
    doubted = result.outcome is Outcome.UNCERTAIN and outcome in run.attempts.doubted
    told = not result.effect or doubted or outcome in run.attempts.settled
    cost = unpaid(draft, result, result.cost)
    if told and not cost:
        return
    draft.say(
        j.LateResultNoted(
            call_id=result.call_id,
            attempt=result.attempt,
            outcome=result.outcome.value,
            result=result.result,
            error=result.error,
            tool=run.attempts.lost.get(outcome),
            cost=cost,
            attribution=attribution(run) if cost else None,
        )
    )
