"""The kind of effect that is a context call, and how it appears in a trace."""

from __future__ import annotations

from runfold.events.calls import ContextResult, ContextWork, Outcome, kinds
from runfold.events.values import ErrorInfo
from runfold.infra.tracing import names
from runfold.infra.tracing.calls import CallSpan, shown
from runfold.infra.tracing.spans import Value
from runfold.processors.effects.kinds import EffectKind


def _broken(work: ContextWork, error: ErrorInfo, latency_ms: int) -> ContextResult:
    """Return a failure: a selection changes nothing outside, so it may be made again."""
    return ContextResult(
        run_id=work.run_id,
        call_id=work.call_id,
        attempt=work.attempt,
        outcome=Outcome.FAILED,
        latency_ms=latency_ms,
        error=error,
    )


def _held(work: ContextWork, error: ErrorInfo) -> ContextResult:
    return ContextResult(
        run_id=work.run_id,
        call_id=work.call_id,
        attempt=work.attempt,
        outcome=Outcome.HELD,
        latency_ms=0,
        error=error,
    )


def _attributes(work: ContextWork, result: ContextResult) -> dict[str, Value]:
    return {
        names.OPERATION: names.SELECT_CONTEXT,
        names.CONTEXT_SOURCES: tuple(source.kind.value for source in work.sources),
        names.CONTEXT_BUDGET: work.budget_tokens,
        names.CONTEXT_TOKENS: result.token_estimate,
        names.CONTEXT_SELECTED: result.selected_count,
        names.CONTEXT_DROPPED: result.dropped_count,
    }


def _content(work: ContextWork, _result: ContextResult) -> dict[str, Value]:
    return {names.CONTEXT_QUERY: shown(work.query)} if work.query is not None else {}


CONTEXT_CALL = EffectKind(
    kinds.CONTEXT,
    turn=lambda _work: names.SELECT_CONTEXT,
    on_broken=_broken,
    on_held=_held,
    repeatable=True,
    span=CallSpan(lambda _work: names.SELECT_CONTEXT, _attributes, _content),
)
"""Made by a ``ContextProcessor``; tenants take turns."""
