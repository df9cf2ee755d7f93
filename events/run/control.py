"""What people do to a run while it lives."""

from __future__ import annotations

from runfold.events.base import Fact, Symbol, Timestamp
from runfold.events.content import Content


class HumanInputRequested(Fact):
    """The agent asked a person [51]."""

    question_id: str
    provider_call_id: str
    question: Content
    options: tuple[str, ...] = ()
    deadline: Timestamp | None = None


class HumanInputReceived(Fact):
    """A person answered."""

    question_id: str
    content: Content
    request_id: str


class RunPaused(Fact):
    """A person paused the run; calls that are out come home, no new one is made."""

    request_id: str
    reason: str


class RunResumed(Fact):
    """A person let the run go on."""

    request_id: str
    reason: str


class RunTakenOver(Fact):
    """A person took control of the run."""

    request_id: str
    reason: str


class RunForked(Fact):
    """The run continues another run's history up to one of its events."""

    from_run_id: str
    from_seq: int


class RequestIgnored(Fact):
    """A person's control could not apply, and why; nothing changed.

    ``tenant_id`` is the asker's, ``call_id`` what the control was about, ``arguments`` what an
    approval would have put in place: enough to judge it again.
    """

    request_id: str
    control: str
    reason: str
    tenant_id: str
    call_id: str | None = None
    arguments: Content | None = None


class BrakeAction(Symbol):
    """What a brake did."""

    UNKNOWN = "unknown"
    SLOW = "slow"
    ASK = "ask"
    HAND_OVER = "hand_over"
    ROLL_BACK = "roll_back"


class BrakeApplied(Fact):
    """Divergence from the mission was recognised [57]."""

    pattern: str
    action: BrakeAction
    reason: str
