"""What policy servers were asked about a call, and what they answered."""

from __future__ import annotations

from runfold.events.base import Fact, SaidBytes
from runfold.events.calls.kinds import POLICY
from runfold.events.calls.policy import PolicyQuestion, ServerAnswer
from runfold.events.contents.content import Content
from runfold.events.traits import CallMove, CallTrait, Cause, Tone, Traits
from runfold.events.values import ErrorInfo, Placement, RunStatus

__all__ = ["PolicyAnswered", "PolicyAsked", "PolicyUnanswered"]


class PolicyAsked(Fact):
    """Servers are asked whether a tool call may be made; it begins only after their answers.

    ``about`` is that call, ``input`` what they are told of it. ``policy_digest`` is that of the
    policies in force, which name the servers. Where a server gives no answer the call is held, or
    denied where ``denies`` says so.
    """

    traits = Traits(
        reads="asking policy servers about {about:number}{attempt:again}",
        tone=Tone.QUIET,
        status=(RunStatus.WAITING_FOR_TOOL,),
        call=CallTrait(POLICY.name, CallMove.OPENS, "called"),
    )

    call_id: str
    attempt: int
    about: str
    placement: Placement
    timeout_ms: int
    questions: tuple[PolicyQuestion, ...]
    input: Content
    policy_digest: bytes
    denies: bool


class PolicyAnswered(Fact):
    """What the servers answered, each in its own words; what follows is a ``PolicyDecided`` each.

    Without answers, nobody has to be asked any more.
    """

    traits = Traits(
        reads="policy servers answered about {about:number}",
        cause=Cause.SENDER,
        tone=Tone.QUIET,
        status=(RunStatus.WAITING_FOR_TOOL,),
        call=CallTrait(POLICY.name, CallMove.CLOSES, "answered"),
    )

    call_id: str
    attempt: int
    about: str
    latency_ms: int
    answers: tuple[ServerAnswer, ...] = ()
    input_digest: SaidBytes | None = None


class PolicyUnanswered(Fact):
    """A server gave no answer that can be used; its policy says that the call is then denied."""

    traits = Traits(
        reads="no answer of a policy server about {about:number}: {error.message:long}",
        cause=Cause.SENDER,
        tone=Tone.WARNING,
        status=(RunStatus.WAITING_FOR_TOOL,),
        call=CallTrait(POLICY.name, CallMove.FAILS, "failed"),
    )

    call_id: str
    attempt: int
    about: str
    latency_ms: int
    error: ErrorInfo
