"""The result of a call whose handler broke its promise never to raise and to end in time."""

from __future__ import annotations

from runfold.events.base import Record
from runfold.events.calls import ModelResult, ModelWork, Outcome, ToolResult, ToolWork
from runfold.events.values import ErrorInfo

Work = ModelWork | ToolWork
Result = ModelResult | ToolResult


def failure(work: Work, error: ErrorInfo, latency_ms: int) -> Result:
    """Return the result that says so: failed for a model, uncertain for a tool.

    A host does not know whether a tool had begun to act; only its contract's keeper would, and
    that is what broke. So a person looks.
    """
    if isinstance(work, ModelWork):
        return ModelResult(
            run_id=work.run_id,
            call_id=work.call_id,
            attempt=work.attempt,
            outcome=Outcome.FAILED,
            model=work.model,
            provider=work.model.partition(":")[0],
            latency_ms=latency_ms,
            error=error,
        )
    return ToolResult(
        run_id=work.run_id,
        call_id=work.call_id,
        attempt=work.attempt,
        outcome=Outcome.UNCERTAIN,
        latency_ms=latency_ms,
        error=error,
        effect=True,
    )


def as_work(record: Record) -> Work:
    """Return the record as work; raises TypeError for anything else, which is a bug."""
    if not isinstance(record, ModelWork | ToolWork):
        raise TypeError(f"{type(record).__name__} is no work for an effect processor")
    return record


def broke(error: BaseException, *, retryable: bool) -> ErrorInfo:
    """Return what a handler's own failure looks like to a run: its type, never its details."""
    return ErrorInfo(
        error_type="internal_error",
        message=f"The effect processor failed with {type(error).__name__}; its log has the rest.",
        retryable=retryable,
        suggested_next_action="Look into the log of the process that made the call.",
    )


def overran(limit_s: float, *, retryable: bool) -> ErrorInfo:
    """Return what a call looks like that its handler did not end within its time-out."""
    return ErrorInfo(
        error_type="timeout",
        message=f"The call was given up after {limit_s:g} s.",
        retryable=retryable,
    )
