"""What came too late to be heard, and was paid for all the same."""

from __future__ import annotations

from runfold.events.base import Fact, Money, Record
from runfold.events.calls.kinds import MODEL, TOOL
from runfold.events.contents.content import Content
from runfold.events.traits import Cause, Charge, Tone, Traits
from runfold.events.values import Attribution, ErrorInfo, PriceSnapshot, Usage

__all__ = ["LateAnswer", "LateResultNoted"]


class LateAnswer(Record):
    """What a model's answer used that came too late; its words are kept nowhere."""

    model: str
    provider: str
    usage: Usage
    price: PriceSnapshot | None = None


def _late_charge(fact: LateResultNoted) -> Charge | None:
    """What came too late was paid for all the same: a model's answer, priced or not, or a tool."""
    answer, to = fact.answer, fact.attribution
    if to is None or (answer is None and fact.cost is None):
        return None
    of = (fact.call_id, fact.attempt, fact.cost, to)
    if answer is None:
        return Charge(TOOL.name, fact.tool or "", *of, late=True)
    used = (answer.usage, answer.provider, answer.price)
    return Charge(MODEL.name, answer.model, *of, *used, late=True)


class LateResultNoted(Fact):
    """A result came for an attempt that was no longer open, and tells of a side effect or a cost.

    Of a tool's result ``tool`` is named, of a model's ``answer`` says what it used. ``cost`` is
    what nothing else on the run's record says of that attempt.
    """

    traits = Traits(
        reads="{call_id:number} came back too late: {outcome}{cost:paid}",
        cause=Cause.SENDER,
        tone=Tone.WARNING,
        charge=_late_charge,
        in_vain=True,
        moment="{outcome}",
    )

    call_id: str
    attempt: int
    outcome: str
    result: Content | None = None
    error: ErrorInfo | None = None
    tool: str | None = None
    answer: LateAnswer | None = None
    cost: Money | None = None
    attribution: Attribution | None = None
