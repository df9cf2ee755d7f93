"""What comes in: requests and people's controls."""

from __future__ import annotations

from runfold.events.base import Record, Symbol, Timestamp
from runfold.events.content import Content
from runfold.events.tenant.values import Amount
from runfold.events.values import RunRequest


class RunRequested(RunRequest):
    """Start a run; ``run_id`` is a UUIDv7 chosen by the requester, so a repeat starts nothing."""


class Control(Record):
    """Something a person asks of a live run; a repeated ``request_id`` changes nothing."""

    request_id: str
    run_id: str
    tenant_id: str
    actor_id: str
    requested_at: Timestamp


class ApproveToolCall(Control):
    """Let a proposed call run, with edited arguments where given."""

    call_id: str
    arguments: Content | None = None
    comment: str | None = None


class DenyToolCall(Control):
    """Refuse a proposed call; the model is told the reason."""

    call_id: str
    reason: str


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
    comment: str | None = None


class PauseRun(Control):
    """Stop making new calls until resumed."""

    reason: str = ""


class ResumeRun(Control):
    """Let a paused run go on."""

    reason: str = ""


class CancelRun(Control):
    """End the run."""

    reason: str = ""


class ExtendRun(Control):
    """Let the run use more: its limits rise by ``added``, where its tenant sets that aside."""

    added: tuple[Amount, ...]
    reason: str = ""


class DenyExtension(Control):
    """Let a run end that waits for more."""

    reason: str = ""


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
