"""Folds of a run that a person has taken over: who holds it, what they said, that it goes back."""

from __future__ import annotations

from datetime import datetime

from runfold.events import run as j
from runfold.events.calls import Message, Role
from runfold.events.contents.content import JSON, Content, content
from runfold.events.trusted import trusted
from runfold.processors.run.behaviour import AT_STAKE
from runfold.processors.run.fold import open_calls
from runfold.processors.run.fold.round_calls import closed_by_person
from runfold.processors.run.fold.turns import with_messages
from runfold.processors.run.ids import after
from runfold.processors.run.state import (
    CallStatus,
    Hold,
    JudgeCall,
    Last,
    Live,
    ModelCall,
    RoundCall,
    Waiting,
    changed,
    loop_changed,
)

NOTICE = "notice"
PERSON = "person"
"""The kind of a message that a person wrote in the model's place."""


def taken_over(run: Live, fact: j.RunTakenOver, at: datetime) -> Live:
    """From now on a person answers; what was chosen for the model is not shown to it any more."""
    held = Hold(fact.by, fact.until or after(at, fact.hold_ms), fact.hold_ms)
    run = loop_changed(_heard(run, fact.request_id, fact.notice), selection=None)
    return changed(run, idle=changed(run.idle, held=held))


def withdrawn(run: Live, fact: j.CallWithdrawn, at: datetime) -> Live:
    """The call is open no more; what it costs is booked if its result still comes."""
    call = run.loop.call(fact.call_id)
    if isinstance(call, ModelCall) and call.status is CallStatus.RUNNING:
        run = open_calls.lost(run, fact.call_id, fact.attempt, run.pinned.model)
    elif isinstance(call, JudgeCall) and run.behaviour >= AT_STAKE:
        run = open_calls.lost(run, fact.call_id, fact.attempt, call.model)
    return loop_changed(run, calls=open_calls.without(run, fact.call_id))


def replied(run: Live, fact: j.PersonReplied, at: datetime) -> Live:
    """The answer joins the transcript as a model's would, under a name that says whose it is."""
    message = trusted(Message)(
        role=Role.ASSISTANT, content=fact.answer.text, tool_calls=fact.answer.tool_calls
    )
    said = ((PERSON, fact.reply_id, message),)
    run = loop_changed(
        _acted(run, at),
        last=Last(fact.reply_id, fact.decision),
        malformed=0,
        transcript=with_messages(run.loop.transcript, said),
    )
    run = changed(run, next_call=run.next_call + 1)
    return _noted(run, fact.request_id)


def result_given(run: Live, fact: j.ResultGiven, at: datetime) -> Live:
    """The person's result is the reply; what the tool may still report is known to be possible."""
    call = run.loop.call(fact.call_id)
    if isinstance(call, RoundCall) and call.status is CallStatus.RUNNING:
        run = open_calls.lost(run, fact.call_id, fact.attempt, fact.tool)
    run = closed_by_person(run, fact, _marked(fact.result))
    return _noted(_acted(run, at), fact.request_id)


def handed_back(run: Live, fact: j.RunHandedBack, at: datetime) -> Live:
    """The model answers again, and reads that a person did meanwhile."""
    run = _heard(run, fact.request_id, fact.notice)
    return changed(run, idle=changed(run.idle, held=None))


def _marked(result: Content) -> Content:
    """Return a result as the model reads it: that a person gave it is said with it."""
    if result.inline is None:
        return result
    return content(b'{"given_by":"a person","result":' + result.inline + b"}", JSON)


def _acted(run: Live, at: datetime) -> Live:
    held = run.idle.held
    if held is None:
        return run
    longer = changed(held, until=after(at, held.hold_ms), acts=held.acts + 1)
    return changed(run, idle=changed(run.idle, held=longer))


def _heard(run: Live, request_id: str | None, notice: Content | None) -> Live:
    """Return the run with a notice that waits until the replies of a round are in."""
    run = _noted(run, request_id)
    if notice is None:
        return run
    name = request_id or f"{run.run_id}/{NOTICE}/{run.next_call}"
    return changed(run, inbox=(*run.inbox, Waiting(name, NOTICE, notice)))


def _noted(run: Live, request_id: str | None) -> Live:
    return changed(run, controls=run.controls | {request_id}) if request_id else run
