"""What follows from a tool's result."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from runfold.events import run as j
from runfold.events.calls import Outcome, ToolResult
from runfold.events.content import Content, json_content
from runfold.events.trusted import trusted
from runfold.events.values import ErrorInfo
from runfold.processors.run.agent import checkpoints
from runfold.processors.run.agent.model_results import attribution
from runfold.processors.run.agent.next_step import proceed
from runfold.processors.run.draft import Draft
from runfold.processors.run.ids import outcome_of
from runfold.processors.run.state import Call, CallStatus

_OUT = frozenset({CallStatus.RUNNING, CallStatus.UNCERTAIN})
NOTHING: Content = json_content(None)


def take(draft: Draft, result: ToolResult) -> None:
    """Record the result of a call that is out; of any other a side effect or a cost is noted."""
    call = draft.run.loop.call(result.call_id)
    if call is None or call.status not in _OUT or call.attempt != result.attempt:
        _note_late(draft, result)
        return
    if call.status is CallStatus.UNCERTAIN and result.outcome is not Outcome.SUCCEEDED:
        # A failure may be that of the same work come round again: it does not say what the
        # execution did that is in doubt. A success does, because only one execution can tell it.
        _note_late(draft, result)
        return
    match result.outcome:
        case Outcome.SUCCEEDED:
            _succeed(draft, call, result)
        case Outcome.UNCERTAIN:
            _doubt(draft, call, result)
        case _:
            _fail(draft, call, result)
    proceed(draft)


def close_failed(
    draft: Draft,
    call: Call,
    error: ErrorInfo,
    latency_ms: int = 0,
    cost: Decimal | None = None,
) -> None:
    """Record a failure; try again after a pause where the contract allows, else tell the model."""
    contract = draft.contract(call.tool)
    draft.say(
        j.ToolCallFailed(
            call_id=call.call_id,
            attempt=call.attempt,
            tool=call.tool,
            error=error,
            latency_ms=latency_ms,
            attribution=attribution(draft.run),
            cost=cost,
        )
    )
    if not error.retryable or call.attempt >= contract.retry.max_attempts:
        checkpoints.write(draft)
        return
    delay = max(contract.retry.delay_ms(call.attempt + 1), error.retry_after_ms or 0)
    draft.say(
        j.RetryScheduled(
            call_id=call.call_id,
            attempt=call.attempt + 1,
            due=draft.env.now + timedelta(milliseconds=delay),
            delay_ms=delay,
            reason=error.message,
        )
    )


def unpaid(draft: Draft, call: Call | ToolResult, cost: Decimal | None) -> Decimal | None:
    """Return what an attempt that had ended costs, None where that is on record already."""
    return cost if outcome_of(call.call_id, call.attempt) in draft.run.attempts.lost else None


def doubt(
    draft: Draft, call: Call, reason: str, latency_ms: int = 0, cost: Decimal | None = None
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


def _succeed(draft: Draft, call: Call, result: ToolResult) -> None:
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
        )
    )
    checkpoints.write(draft)


def _doubt(draft: Draft, call: Call, result: ToolResult) -> None:
    reason = result.error.message if result.error else draft.people("cannot_tell")
    doubt(draft, call, reason, result.latency_ms, result.cost)


def _fail(draft: Draft, call: Call, result: ToolResult) -> None:
    error = result.error or ErrorInfo(
        error_type="tool_error", message=draft.model("no_reason"), retryable=False
    )
    close_failed(draft, call, error, result.latency_ms, result.cost)


def _note_late(draft: Draft, result: ToolResult) -> None:
    """Keep a late effect or cost on record [170]; a repeat of a recorded result is no news."""
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
