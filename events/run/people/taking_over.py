"""A person in the model's or in a tool's place: taken over, answered, handed back [49]."""

from __future__ import annotations

from runfold.events.base import Fact, Said, Timestamp
from runfold.events.calls.kinds import TOOL
from runfold.events.contents.content import Content
from runfold.events.people.origin import Origin
from runfold.events.people.proved import Proved
from runfold.events.run.calls.model import DecisionRecord
from runfold.events.traits import CallMove, CallTrait, Cause, Tone, Traits
from runfold.events.values import ModelAnswer, RunStatus

__all__ = ["CallWithdrawn", "PersonReplied", "ResultGiven", "RunHandedBack", "RunTakenOver"]


class RunTakenOver(Fact):
    """A person answers in the model's place from here on; no model is called.

    ``by`` holds the run until it is handed back, or until nothing was done for ``hold_ms``: the
    first time at ``until``. ``notice`` is what the model reads of it later.
    """

    traits = Traits(
        reads="taken over by a person{reason:because}",
        cause=Cause.SENDER,
        tone=Tone.WARNING,
        status=(RunStatus.WAITING_FOR_HUMAN,),
        moment="taken over",
    )

    request_id: str
    reason: Said
    by: str = ""
    hold_ms: int = 0
    until: Timestamp | None = None
    notice: Content | None = None
    proof: Proved | None = None
    origin: Origin | None = None


class CallWithdrawn(Fact):
    """A call of the run's own is not waited for any more; its cost is booked if it still comes.

    ``kind`` is a name of ``calls.kinds.KINDS``.
    """

    traits = Traits(
        reads="{call_id:number} is withdrawn",
        tone=Tone.QUIET,
        call=CallTrait(None, CallMove.CLOSES, "withdrawn"),
        moment="{kind}",
    )

    call_id: str
    attempt: int
    kind: str


def _replied(fact: PersonReplied) -> str:
    calls = " and ".join(call.name for call in fact.answer.tool_calls)
    if calls:
        return f"in the model's place by a person: chose {calls}"
    return "in the model's place by a person: {answer.text:content}"


class PersonReplied(Fact):
    """A person answered in the model's place; nothing was paid for it.

    ``reply_id`` is what the calls that it proposes name as their ``model_call_id``.
    """

    traits = Traits(
        reads=_replied,
        cause=Cause.SENDER,
        status=(RunStatus.WAITING_FOR_HUMAN,),
        moment="replied",
    )

    reply_id: str
    request_id: str
    by: str
    answer: ModelAnswer
    decision: DecisionRecord
    proof: Proved | None = None
    origin: Origin | None = None


class ResultGiven(Fact):
    """A person gave the result of a call in the tool's place: no tool said it, none is paid.

    What the tool itself may still report is noted as late. ``failed`` says that the person could
    not do it either; ``untrusted`` that its tool reads what strangers wrote.
    """

    traits = Traits(
        reads="{call_id:number} {tool} → {result:result} (in the tool's place by a person)",
        cause=Cause.SENDER,
        status=(RunStatus.CHECKPOINTING,),
        call=CallTrait(TOOL.name, CallMove.CLOSES, "given"),
        moment="{tool}",
    )

    call_id: str
    attempt: int
    tool: str
    result: Content
    request_id: str
    by: str
    failed: bool = False
    untrusted: bool = False
    proof: Proved | None = None
    origin: Origin | None = None


class RunHandedBack(Fact):
    """The model answers again; ``request_id`` None says that nobody did anything in time."""

    traits = Traits(
        reads=lambda fact: (
            "handed back to the model by a person{reason:because}"
            if fact.request_id
            else "handed back to the model{reason:because}"
        ),
        cause=Cause.SENDER,
        status=(RunStatus.PLANNING,),
        moment="handed back",
    )

    by: str
    reason: Said
    request_id: str | None = None
    notice: Content | None = None
    proof: Proved | None = None
    origin: Origin | None = None
