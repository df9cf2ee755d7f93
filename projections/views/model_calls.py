"""Model calls: what was asked of which model, its decision, its tokens and time [146, 148, 153]."""

from __future__ import annotations

from typing import Any

from runfold.events import topics, wording
from runfold.events.base import Fact
from runfold.events.calls.kinds import MODEL
from runfold.events.catalogue import CHARGED
from runfold.events.run import (
    CallBegun,
    CallHeld,
    CallWithdrawn,
    ModelCalled,
    ModelFailed,
    ModelResponded,
    RetryScheduled,
)
from runfold.events.traits import Charge, charge_of
from runfold.events.values import ProviderAttempt
from runfold.projections.rendering.readable import as_json, clean, readable
from runfold.projections.store.rows.merging import Merging
from runfold.projections.tables import model_calls
from runfold.projections.view import Batch, Placed, Rows, View

_OWN: frozenset[type[Fact]] = frozenset(
    {ModelCalled, CallBegun, CallHeld, CallWithdrawn, ModelResponded, ModelFailed, RetryScheduled}
)
_KINDS = _OWN | CHARGED


def add(batch: Batch, rows: Rows) -> None:
    """Add one row a call, or what has changed of it."""
    calls = Merging(model_calls, rows)
    for placed in batch.of(_KINDS):
        kind = type(placed.fact)
        charge = charge_of(placed.fact) if kind in CHARGED else None
        if kind in _OWN:
            _changed(calls, placed, charge)
        elif charge is not None and charge.model is not None:
            calls.put(model_call_id=charge.call_id, **_paid(charge))


def _changed(calls: Merging, placed: Placed, charge: Charge | None) -> None:
    match placed.fact:
        case ModelCalled() as fact:
            _called(calls, placed, fact)
        case ModelResponded() as fact:
            _responded(calls, placed, fact, charge)
        case ModelFailed() as fact:
            calls.put(
                model_call_id=fact.call_id,
                status="failed",
                user_id=fact.attribution.user_id,
                completed_at=placed.meta.time,
                latency_ms=fact.latency_ms,
                error_json=readable(fact.error),
                attempts_json=_list(fact.attempts),
            )
        case RetryScheduled() as fact:
            calls.put(model_call_id=fact.call_id, status="retry_scheduled")
        case CallHeld(kind=MODEL.name) as fact:
            calls.put(
                model_call_id=fact.call_id,
                status="held",
                held_code=clean(fact.code),
                held_reason=clean(wording.plain(fact.reason)),
            )
        case CallWithdrawn(kind=MODEL.name) as fact:
            calls.put(model_call_id=fact.call_id, status="withdrawn", completed_at=placed.meta.time)
        case CallBegun(kind=MODEL.name) as fact:
            calls.put(model_call_id=fact.call_id, status="begun", begun_at=placed.meta.time)
        case _:
            pass


def _paid(charge: Charge | None) -> dict[str, Any]:
    if charge is None:
        return {}
    return {
        "input_tokens": charge.usage.input_tokens,
        "output_tokens": charge.usage.output_tokens,
        "cost_usd": charge.cost,
    }


def _called(calls: Merging, placed: Placed, fact: ModelCalled) -> None:
    calls.put(
        model_call_id=fact.call_id,
        run_id=placed.meta.run_id,
        tenant_id=placed.meta.tenant_id,
        status="called",
        attempt=fact.attempt,
        requested_model=fact.model,
        routing_reason=clean(wording.plain(fact.routing_reason)),
        prompt_version=fact.prompt_version,
        context_digest=fact.context_digest.hex(),
        placement=fact.placement.value,
        called_at=placed.meta.time,
    )


def _responded(calls: Merging, placed: Placed, fact: ModelResponded, charge: Charge | None) -> None:
    usage = fact.usage
    calls.put(
        model_call_id=fact.call_id,
        status="responded",
        user_id=fact.attribution.user_id,
        model=fact.model,
        provider=fact.provider,
        decision_type=fact.decision.decision_type,
        decision_summary=clean(fact.decision.summary),
        selected_tools_json=as_json(fact.decision.selected_tools),
        answer_json=readable(fact.answer),
        finish_reason=fact.answer.finish_reason,
        response_id=fact.response_id,
        **_paid(charge),
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        price_json=None if fact.price is None else readable(fact.price),
        latency_ms=fact.latency_ms,
        time_to_first_token_ms=fact.time_to_first_token_ms,
        attempts_json=_list(fact.attempts),
        completed_at=placed.meta.time,
    )


def _list(attempts: tuple[ProviderAttempt, ...]) -> str:
    return "[" + ",".join(readable(attempt) for attempt in attempts) + "]"


VIEW = View("model_calls", (model_calls,), add, (topics.EVENTS,))
