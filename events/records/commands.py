"""What comes in: requests and people's controls."""

from __future__ import annotations

from runfold.events.base import Record, Said, Symbol, Timestamp
from runfold.events.contents.content import Content
from runfold.events.people.approvals import Holds
from runfold.events.people.origin import Origin
from runfold.events.tenant.values import Amount
from runfold.events.values import ProposedCall, RunRequest


class RunRequested(RunRequest):
    """Start a run; ``run_id`` is a UUIDv7 chosen by the requester, so a repeat starts nothing."""


class Control(Record):
    """Something a person asks of a live run; a repeated ``request_id`` changes nothing.

    ``roles`` are the person's, as those of a request are the requester's.
    """

    request_id: str
    run_id: str
    tenant_id: str
    actor_id: str
    requested_at: Timestamp
    roles: tuple[str, ...] = ()
    origin: Origin | None = None


class ApproveToolCall(Control):
    """Let a proposed call run, with edited arguments where given.

    ``shown_digest`` names what the person was shown, as ``ApprovalRequested`` said it; one that is
    not of the open question is refused. ``holds`` says for which other calls the approval holds.
    ``on_behalf_of`` says for whom, where they are absent and have delegated to the actor; left out,
    it is whoever is asked and has.
    """

    call_id: str
    arguments: Content | None = None
    comment: Said | None = None
    shown_digest: bytes | None = None
    holds: Holds | None = None
    on_behalf_of: str | None = None


class DenyToolCall(Control):
    """Refuse a proposed call; the model is told the reason."""

    call_id: str
    reason: Said
    shown_digest: bytes | None = None
    on_behalf_of: str | None = None


class Resolution(Symbol):
    """What a person found out about an uncertain call."""

    UNKNOWN = "unknown"
    HAPPENED = "happened"
    DID_NOT_HAPPEN = "did_not_happen"


class ResolveToolCall(Control):
    """Settle an uncertain call: it happened (with this result), or it did not (do it now)."""

    call_id: str
    resolution: Resolution
    result: Content | None = None
    comment: Said | None = None


class PauseRun(Control):
    """Stop making new calls until resumed."""

    reason: Said = ""


class ResumeRun(Control):
    """Let a paused run go on."""

    reason: Said = ""


class CancelRun(Control):
    """End the run."""

    reason: Said = ""


class ExtendRun(Control):
    """Let the run use more: its limits rise by ``added``, where its tenant sets that aside."""

    added: tuple[Amount, ...]
    reason: Said = ""


class DenyExtension(Control):
    """Let a run end that waits for more."""

    reason: Said = ""


class SendMessage(Control):
    """Say something to the run."""

    content: Content


class EditInstructions(Control):
    """Replace the run's instructions from here on [50, 185]."""

    content: Content


class AnswerQuestion(Control):
    """Answer what the agent asked."""

    question_id: str
    content: Content
    shown_digest: bytes | None = None
    on_behalf_of: str | None = None


HOLD_MS = 3_600_000
"""How long a run stays with a person who does nothing more, unless they say otherwise."""

SHORTEST_HOLD_MS, LONGEST_HOLD_MS = 60_000, 7 * 86_400_000
"""How long it may stay so at the least and at the most: a minute to a week."""


class TakeOverRun(Control):
    """Answer in the model's place from here on.

    The run goes back to its model ``hold_ms`` after the last thing that this person did to it.
    """

    reason: Said = ""
    hold_ms: int = HOLD_MS


class ReplyAsModel(Control):
    """Answer in the model's place: with words, with calls, or with both; only who holds the run.

    The ids of the calls are given by the run.
    """

    text: Content | None = None
    calls: tuple[ProposedCall, ...] = ()


class GiveResult(Control):
    """Answer in a tool's place, with JSON; ``failed`` says that it could not be done."""

    call_id: str
    result: Content
    failed: bool = False


class HandBackRun(Control):
    """Let the model answer again."""

    reason: Said = ""
