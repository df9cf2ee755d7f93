"""Signals to the runs that a run asked for: cancel, pause, resume."""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.calls.children import RunSignal
from runfold.processors.run.draft import Draft
from runfold.processors.run.state import CallStatus, RoundCall


def send_all(draft: Draft, signal: RunSignal, request_id: str, reason: str = "") -> None:
    """Send a signal to every child that lives, as it was sent to this run."""
    for call in draft.run.loop.round:
        if call.child is not None and call.status is CallStatus.RUNNING:
            send(draft, call, signal, request_id, reason)


def send(draft: Draft, call: RoundCall, signal: RunSignal, request_id: str, reason: str) -> None:
    """Send a signal to the child that makes a call."""
    assert call.child is not None
    draft.say(
        j.ChildRunSignalled(
            call_id=call.call_id,
            child_run_id=call.child.run_id,
            signal=signal,
            request_id=request_id,
            reason=reason,
        )
    )
