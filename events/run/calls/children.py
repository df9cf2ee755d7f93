"""Calls that another run makes: it is asked for, told what is said to its parent, and returns."""

from __future__ import annotations

from runfold.events.base import Fact, Said
from runfold.events.calls.children import Lineage, RunSignal, TreeUsed
from runfold.events.contents.content import Content
from runfold.events.traits import Cause, Tone, Traits
from runfold.events.values import ErrorInfo, ExitStatus, RunRequest

__all__ = ["ChildRunEnded", "ChildRunRequested", "ChildRunSignalled", "ParentSignalled"]


class ChildRunRequested(Fact):
    """A call is made by a run of its own, which is asked for in this event's transaction.

    ``request`` is the child's, with ``parent_run_id`` and ``parent_call_id`` of this call; its
    limits are what this run has left.
    """

    traits = Traits(reads="{call_id:number} asks {request.agent} as a run", tone=Tone.QUIET)

    call_id: str
    attempt: int
    request: RunRequest
    lineage: Lineage


class ChildRunSignalled(Fact):
    """What was said to this run is said to a child of it that lives."""

    traits = Traits(reads="{call_id:number} is told: {signal}", tone=Tone.QUIET)

    call_id: str
    child_run_id: str
    signal: RunSignal
    request_id: str
    reason: Said = ""


class ChildRunEnded(Fact):
    """A child has ended; what it used, with its own children, counts for the limits of this run.

    ``late`` says that nobody waited for it any more.
    """

    traits = Traits(
        reads="{call_id:number} is back: run {child_run_id} ended ({status})",
        cause=Cause.SENDER,
        tone=Tone.QUIET,
    )

    call_id: str
    child_run_id: str
    status: ExitStatus
    exit_code: int
    used: TreeUsed
    payload: Content
    latency_ms: int
    error: ErrorInfo | None = None
    late: bool = False


class ParentSignalled(Fact):
    """The run that asked for this one says what was said to it."""

    traits = Traits(reads="the run that asked for it says: {signal}", cause=Cause.SENDER)

    signal: RunSignal
    request_id: str
    reason: Said = ""
