"""Calls to a model: the intent, and what came of it."""

from __future__ import annotations

from runfold.events.base import Fact, Money, Record, Said, SaidBytes, Timestamp
from runfold.events.calls.kinds import MODEL
from runfold.events.traits import (
    CallMove,
    CallTrait,
    Cause,
    Tone,
    Traits,
    model_charge,
)
from runfold.events.values import (
    Attribution,
    ErrorInfo,
    ModelAnswer,
    Placement,
    PriceSnapshot,
    ProviderAttempt,
    Redacted,
    RunStatus,
    Usage,
)

__all__ = [
    "DecisionRecord",
    "ModelCalled",
    "ModelFailed",
    "ModelResolved",
    "ModelResponded",
    "RetryScheduled",
]


class DecisionRecord(Record):
    """What the model decided, in a structured form that needs no hidden reasoning [148]."""

    decision_type: str
    selected_tools: tuple[str, ...]
    summary: Said
    context_digest: SaidBytes


class ModelResolved(Fact):
    """What a default model stands for where the run is decided, ``provider:model``.

    It is said once in a run, where policies or switches are there that may speak of it.
    """

    traits = Traits(
        reads="{model:model} stands for {stands_for:model}",
        tone=Tone.QUIET,
    )

    model: str
    stands_for: str


class ModelCalled(Fact):
    """A model call was decided; it is made only after this event is committed.

    ``judged_by`` is the digest of the policies that permitted it, None where none spoke of it.
    """

    traits = Traits(
        reads="asking {model:model}{attempt:again}",
        tone=Tone.QUIET,
        status=(RunStatus.WAITING_FOR_MODEL,),
        call=CallTrait(MODEL.name, CallMove.OPENS, "called"),
    )

    call_id: str
    attempt: int
    model: str
    fallbacks: tuple[str, ...]
    routing_reason: str
    prompt_version: str
    context_digest: SaidBytes
    placement: Placement
    timeout_ms: int
    max_output_tokens: int | None = None
    judged_by: bytes | None = None


class ModelResponded(Fact):
    """A model answered; ``cost`` is None where no price is known (unpriced, never zero).

    ``redacted`` says what it was shown tokens for; ``answer`` has the words again.
    ``exposed`` says how many different values of the same kinds the answer holds, in words.
    """

    traits = Traits(
        reads="{fact:answer}",
        cause=Cause.SENDER,
        status=(RunStatus.PLANNING,),
        call=CallTrait(MODEL.name, CallMove.CLOSES, "responded"),
        charge=model_charge,
    )

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
    redacted: tuple[Redacted, ...] = ()
    exposed: tuple[Redacted, ...] = ()


class ModelFailed(Fact):
    """A model call failed on every provider that was tried."""

    traits = Traits(
        reads="{model:model} failed: {error.message:long}",
        cause=Cause.SENDER,
        tone=Tone.WARNING,
        status=(RunStatus.WAITING_FOR_MODEL,),
        call=CallTrait(MODEL.name, CallMove.FAILS, "failed"),
    )

    call_id: str
    attempt: int
    model: str
    error: ErrorInfo
    latency_ms: int
    attribution: Attribution
    attempts: tuple[ProviderAttempt, ...] = ()


class RetryScheduled(Fact):
    """A failed call will be made again at ``due``; ``attempt`` is the one to come [42]."""

    traits = Traits(
        reads="attempt {attempt} of {call_id:number} in {delay_ms} ms",
        tone=Tone.WARNING,
        status=(RunStatus.WAITING_FOR_MODEL, RunStatus.WAITING_FOR_TOOL),
        call=CallTrait(None, CallMove.HOLDS, "retry_scheduled"),
        moment="attempt {attempt} in {delay_ms} ms",
    )

    call_id: str
    attempt: int
    due: Timestamp
    delay_ms: int
    reason: Said
