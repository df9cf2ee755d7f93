"""Folds of what policy servers are asked."""

from __future__ import annotations

from datetime import datetime

from runfold.events import run as j
from runfold.processors.run.fold import open_calls
from runfold.processors.run.state import CallStatus, Live, PolicyCall, loop_changed


def asked(run: Live, fact: j.PolicyAsked, at: datetime) -> Live:
    """The question is out; the call that it is about waits for the answer, and for nothing else."""
    run = open_calls.with_call(run, fact.about, status=CallStatus.APPROVED, due=None)
    call = PolicyCall(
        call_id=fact.call_id,
        about=fact.about,
        questions=fact.questions,
        input=fact.input,
        denies=fact.denies,
        judged_by=fact.policy_digest,
        **open_calls.handed_out(run, fact, at),
    )
    return open_calls.opened(run, call)


def answered(run: Live, fact: j.PolicyAnswered | j.PolicyUnanswered, at: datetime) -> Live:
    """The question is open no more; what follows from the answer is a decision of its own."""
    return loop_changed(run, calls=open_calls.without(run, fact.call_id))
