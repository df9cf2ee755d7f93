"""A judge of a run's drift from its goal: a model that is asked now and then [57]."""

from __future__ import annotations

from runfold.events.base import Fact, Money, SaidBytes
from runfold.events.traits import (
    JUDGE,
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
    RunStatus,
    Usage,
)

__all__ = ["JudgeAnswered", "JudgeCalled", "JudgeFailed"]


class JudgeCalled(Fact):
    """A model is asked how far the run has drifted from its goal; ``rubric`` by its digest."""

    traits = Traits(
        reads="asking the judge {model:model}{attempt:again}",
        tone=Tone.QUIET,
        status=(RunStatus.WAITING_FOR_MODEL,),
        call=CallTrait(JUDGE, CallMove.OPENS, "called"),
    )

    call_id: str
    attempt: int
    model: str
    context_digest: SaidBytes
    rubric_digest: bytes
    placement: Placement
    timeout_ms: int


def _answered(fact: JudgeAnswered) -> str:
    if fact.score is None:
        return "the judge gave no verdict that can be read"
    return "the judge says: drift {score} of 100"


class JudgeAnswered(Fact):
    """The judge answered; ``score`` is 0 to 100, None where its answer holds no verdict."""

    traits = Traits(
        reads=_answered,
        cause=Cause.SENDER,
        status=(RunStatus.PLANNING,),
        call=CallTrait(JUDGE, CallMove.CLOSES, "responded"),
        charge=model_charge,
    )

    call_id: str
    attempt: int
    model: str
    provider: str
    answer: ModelAnswer
    usage: Usage
    cost: Money | None
    price: PriceSnapshot | None
    latency_ms: int
    attribution: Attribution
    score: int | None = None


class JudgeFailed(Fact):
    """The judge could not be asked, or did not answer: there is no verdict, and the run goes on."""

    traits = Traits(
        reads="no verdict of the judge {model:model}: {error.message:long}",
        cause=Cause.SENDER,
        tone=Tone.WARNING,
        status=(RunStatus.PLANNING,),
        call=CallTrait(JUDGE, CallMove.FAILS, "failed"),
    )

    call_id: str
    attempt: int
    model: str
    error: ErrorInfo
    latency_ms: int
    attribution: Attribution
