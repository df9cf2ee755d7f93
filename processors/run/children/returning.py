"""How a run that made a call comes back: its end is the call's result."""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.calls import Outcome, ToolResult
from runfold.events.calls.children import ChildEnded, TreeUsed
from runfold.events.values import ErrorInfo, ExitStatus
from runfold.processors.run.agent.calls import results
from runfold.processors.run.agent.calls.reservations import release
from runfold.processors.run.draft import Draft
from runfold.processors.run.state import CallStatus, Live, RoundCall


def take(draft: Draft, ended: ChildEnded) -> None:
    """Count what a child used, and let its end be the result of the call that it made.

    A run that only says that this one is its parent was not asked for, and changes nothing.
    """
    run = draft.run
    if ended.child_run_id not in run.budget.tree.out or ended.tenant_id != run.tenant_id:
        return
    call = _waiting(run, ended)
    draft.say(
        j.ChildRunEnded(
            call_id=ended.call_id,
            child_run_id=ended.child_run_id,
            status=ended.exit.status,
            exit_code=ended.exit.exit_code,
            used=_used(ended),
            payload=ended.exit.payload,
            latency_ms=ended.exit.usage.latency_ms,
            error=ended.error,
            late=call is None,
        )
    )
    if call is None:
        return
    release(draft, call.call_id, _used(ended).cost)
    results.take(draft, _result(draft, ended, call))


def _waiting(run: Live, ended: ChildEnded) -> RoundCall | None:
    """Return the call that waits for this child, None where nobody does any more."""
    call = run.loop.call(ended.call_id)
    if not isinstance(call, RoundCall) or call.status is not CallStatus.RUNNING:
        return None
    return call if call.child and call.child.run_id == ended.child_run_id else None


def _used(ended: ChildEnded) -> TreeUsed:
    usage = ended.exit.usage
    return ended.tree or TreeUsed(
        cost=usage.cost_usd,
        tokens=usage.total_tokens,
        runs=0,
        unpriced_calls=usage.unpriced_calls,
    )


def _result(draft: Draft, ended: ChildEnded, call: RoundCall) -> ToolResult:
    done = ended.exit.status is ExitStatus.SUCCESS
    return ToolResult(
        run_id=draft.run.run_id,
        call_id=call.call_id,
        attempt=call.attempt,
        outcome=Outcome.SUCCEEDED if done else Outcome.FAILED,
        latency_ms=ended.exit.usage.latency_ms,
        result=ended.exit.payload if done else None,
        error=None if done else _failure(draft, ended, call),
    )


def _failure(draft: Draft, ended: ChildEnded, call: RoundCall) -> ErrorInfo:
    if call.child is not None and call.child.cancelled:
        said = draft.people("child_out_of_time")
        return ErrorInfo(error_type="timeout", message=said, retryable=True)
    said = draft.model("child_ended", status=ended.exit.status.value)
    unsaid = ErrorInfo(error_type="child_ended", message=said, retryable=False)
    return ended.error or unsaid
