"""Calls to a model: the intent, and what came of it."""

from __future__ import annotations

from runfold.events.base import Fact, Money, Record, Timestamp
from runfold.events.values import (
    Attribution,
    ErrorInfo,
    ModelAnswer,
    Placement,
    PriceSnapshot,
    ProviderAttempt,
    Usage,
)


class DecisionRecord(Record):
    """What the model decided, in a structured form that needs no hidden reasoning [148]."""

    decision_type: str
    selected_tools: tuple[str, ...]
    summary: str
    context_digest: bytes


class ModelCalled(Fact):
    """A model call was decided; it is made only after this event is committed."""

    call_id: str
    attempt: int
    model: str
    fallbacks: tuple[str, ...]
    routing_reason: str
    prompt_version: str
    context_digest: bytes
    placement: Placement
    timeout_ms: int
    max_output_tokens: int | None = None


class ModelResponded(Fact):
    """A model answered; ``cost`` is None where no price is known (unpriced, never zero)."""

    call_id: str
    attempt: int
    model: str
    provider: str
    decision: DecisionRecord
    answer: ModelAnswer
    usage: Usage
    cost: Money | None
    price: PriceSnapshot | None
    latency_ms: int
    attribution: Attribution
    attempts: tuple[ProviderAttempt, ...] = ()
    time_to_first_token_ms: int | None = None
    response_id: str | None = None


class ModelFailed(Fact):
    """A model call failed on every provider that was tried."""

    call_id: str
    attempt: int
    model: str
    error: ErrorInfo
    latency_ms: int
    attribution: Attribution
    attempts: tuple[ProviderAttempt, ...] = ()


class RetryScheduled(Fact):
    """A failed call will be made again at ``due``; ``attempt`` is the one to come [42]."""

    call_id: str
    attempt: int
    due: Timestamp
    delay_ms: int
    reason: str
