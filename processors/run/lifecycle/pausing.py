"""A run pauses and goes on, and with it the runs that it asked for, whoever asks."""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.calls.children import RunSignal
from runfold.processors.run.agent import checkpoints
from runfold.processors.run.children import signals
from runfold.processors.run.draft import Draft


def pause(draft: Draft, request_id: str, reason: str) -> None:
    """Begin nothing more, here and in the runs below."""
    draft.say(j.RunPaused(request_id=request_id, reason=reason))
    signals.send_all(draft, RunSignal.PAUSE, request_id, reason)
    checkpoints.write(draft)


def resume(draft: Draft, request_id: str, reason: str) -> None:
    """Go on, here and in the runs below."""
    draft.say(j.RunResumed(request_id=request_id, reason=reason))
    signals.send_all(draft, RunSignal.RESUME, request_id, reason)
