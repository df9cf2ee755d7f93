"""What people do to a run while it lives."""

from __future__ import annotations

from runfold.events.base import Fact, Money, Said, Symbol, Timestamp
from runfold.events.contents.content import Content
from runfold.events.people.approvals import Holds
from runfold.events.people.origin import Origin
from runfold.events.people.proved import Proved
from runfold.events.traits import PERSON, CallMove, CallTrait, Cause, Tone, Traits
from runfold.events.values import ProposedCall, RunStatus

__all__ = [
    "BrakeAction",
    "BrakeApplied",
    "BrakesSet",
    "HumanInputReceived",
    "HumanInputRequested",
    "RequestIgnored",
    "RunForked",
    "RunPaused",
    "RunResumed",
]


def _asks(fact: HumanInputRequested) -> str:
    who = "the agent asks" if fact.brake is None else "a brake asks"
    return f"{{question_id:number}} {who}: {{question:question}}"


class HumanInputRequested(Fact):
    """A person is asked: by the agent [51], or by the run itself because of a brake [57].

    ``brake`` names the detectors that crossed their thresholds; ``provider_call_id`` is then empty,
    and the answer is a message to the model. ``shown_digest`` names what is shown to the person,
    ``cost_so_far`` among it, from behaviour 7 on. ``asks`` and ``until`` are those of
    ``ApprovalRequested``.
    """

    traits = Traits(
        reads=_asks,
        cause=Cause.MODEL,
        tone=Tone.ASK,
        status=(RunStatus.WAITING_FOR_HUMAN,),
        call=CallTrait(PERSON, CallMove.OPENS, "asked", "question_id"),
        moment="asked",
    )

    question_id: str
    provider_call_id: str
    question: Content
    options: tuple[Said, ...] = ()
    deadline: Timestamp | None = None
    brake: str | None = None
    shown_digest: bytes | None = None
    cost_so_far: Money | None = None
    asks: tuple[str, ...] = ()
    until: Timestamp | None = None


class HumanInputReceived(Fact):
    """A person answered."""

    traits = Traits(
        reads="{question_id:number} answered: {content:content}",
        cause=Cause.SENDER,
        status=(RunStatus.PLANNING,),
        call=CallTrait(PERSON, CallMove.CLOSES, "answered", "question_id"),
        moment="answered",
    )

    question_id: str
    content: Content
    request_id: str
    shown_digest: bytes | None = None
    on_behalf_of: str | None = None
    proof: Proved | None = None
    origin: Origin | None = None


class RunPaused(Fact):
    """A person paused the run; calls that are out come home, no new one is made."""

    traits = Traits(
        reads="paused by a person{reason:because}",
        cause=Cause.SENDER,
        tone=Tone.WARNING,
        status=(RunStatus.PAUSED,),
        moment="paused",
    )

    request_id: str
    reason: Said
    proof: Proved | None = None
    origin: Origin | None = None


class RunResumed(Fact):
    """A person let the run go on."""

    traits = Traits(
        reads="resumed by a person{reason:because}",
        cause=Cause.SENDER,
        status=(RunStatus.PLANNING, RunStatus.WAITING_FOR_TOOL),
        moment="resumed",
    )

    request_id: str
    reason: Said
    proof: Proved | None = None
    origin: Origin | None = None


class RunForked(Fact):
    """The run continues another run's history up to one of its events."""

    traits = Traits(reads="goes on from event {from_seq} of {from_run_id}", reserved=True)

    from_run_id: str
    from_seq: int


_TRIED = {
    "AnswerQuestion": "the answer to",
    "ApproveToolCall": "the approval of",
    "CancelRun": "the request to cancel the run",
    "DenyExtension": "the refusal of more for the run",
    "DenyToolCall": "the denial of",
    "EditInstructions": "the new instructions",
    "ExtendRun": "the extension of the run",
    "GiveResult": "the result for",
    "HandBackRun": "the request to hand the run back",
    "PauseRun": "the request to pause the run",
    "ReplyAsModel": "the reply in place of the model",
    "ResolveToolCall": "the resolution of",
    "ResumeRun": "the request to resume the run",
    "SendMessage": "the message",
    "TakeOverRun": "the request to take the run over",
}
"""What each control is, in words; those that end in a preposition are about a call."""


def _ignored(fact: RequestIgnored) -> str:
    tried = _TRIED.get(fact.control, "{control}")
    about = tried.endswith((" of", " for", " to"))
    if about:
        tried += " call {call_id:number}" if fact.call_id else " a call"
    return f"{tried} changed nothing: {{reason}}"


class RequestIgnored(Fact):
    """A person's control could not apply, and why; nothing changed.

    ``tenant_id`` is the asker's, ``call_id`` what the control was about, ``arguments``, ``holds``
    and ``shown_digest`` what the control said, ``calls`` what a person would have proposed: enough
    to judge it again. ``code`` names the reason where programs may want to know it: ``stale``
    (another question is open than was shown), ``not_shown`` (a digest is demanded), ``forbidden``
    (policies), ``already_approved`` (by the same person), ``invalid_holds``, ``other_holds``
    (another approval of the call holds for something else), ``too_many``.
    """

    traits = Traits(reads=_ignored, cause=Cause.SENDER, tone=Tone.WARNING)

    request_id: str
    control: str
    reason: Said
    tenant_id: str
    call_id: str | None = None
    arguments: Content | None = None
    code: str | None = None
    shown_digest: bytes | None = None
    holds: Holds | None = None
    calls: tuple[ProposedCall, ...] = ()
    on_behalf_of: str | None = None
    proof: Proved | None = None
    origin: Origin | None = None


class BrakeAction(Symbol):
    """What a brake did."""

    UNKNOWN = "unknown"
    SLOW = "slow"
    ASK = "ask"
    HAND_OVER = "hand_over"
    ROLL_BACK = "roll_back"
    THINK_AGAIN = "think_again"
    STOP = "stop"


class BrakeApplied(Fact):
    """Divergence from the mission was recognised [57].

    ``pattern`` is the detector, ``score`` what it found where ``threshold`` was allowed, both as
    plain decimal numbers. ``evidence`` names the calls or the steps of the plan that it stands on,
    ``times`` counts the brakes of this detector in the run. ``notice`` is what the model reads,
    ``due`` when it is called again; None where the reaction has no such thing. A run that is rolled
    back goes on from the transcript that it had at ``checkpoint_id`` (number 0 is its beginning),
    of ``kept_messages`` messages, and what people said since.
    """

    traits = Traits(
        reads="brake {pattern}, {action}{reason:because}",
        tone=Tone.WARNING,
        moment="{pattern}: {action}",
    )

    pattern: str
    action: BrakeAction
    reason: Said
    score: str | None = None
    threshold: str | None = None
    evidence: tuple[Said, ...] = ()
    times: int | None = None
    notice: Content | None = None
    due: Timestamp | None = None
    checkpoint_id: str | None = None
    kept_messages: int | None = None


def _watched(fact: BrakesSet) -> str:
    return f"watched by the brakes {', '.join(fact.detectors)}"


class BrakesSet(Fact):
    """The run's agent has brakes: their detectors watch the run from its beginning [57]."""

    traits = Traits(reads=_watched, tone=Tone.QUIET)

    detectors: tuple[str, ...]
