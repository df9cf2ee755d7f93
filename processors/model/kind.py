"""The kind of effect that is a model call."""

from __future__ import annotations

from runfold.events.calls import ModelResult, ModelWork, Outcome, kinds
from runfold.events.values import ErrorInfo
from runfold.processors.effects.kinds import EffectKind
from runfold.processors.model.span import SPAN


def _broken(work: ModelWork, error: ErrorInfo, latency_ms: int) -> ModelResult:
    """Return a failure: a model that answers too late has done nothing."""
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


def _held(work: ModelWork, error: ErrorInfo) -> ModelResult:
    return ModelResult(
        run_id=work.run_id,
        call_id=work.call_id,
        attempt=work.attempt,
        outcome=Outcome.HELD,
        model=work.model,
        provider=work.model.partition(":")[0],
        latency_ms=0,
        error=error,
    )


MODEL_CALL = EffectKind(
    kinds.MODEL,
    turn=lambda work: work.model,
    on_broken=_broken,
    on_held=_held,
    repeatable=True,
    span=SPAN,
    at_once=256,
)
"""Made by a ``ModelProcessor``; the calls of one model take turns with those of others."""
