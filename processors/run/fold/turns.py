"""Folds of a turn: the transcript goes on, a context is chosen, the model called, its answer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from runfold.events import run as j
from runfold.events.border import number_of
from runfold.events.calls import Message, Role
from runfold.events.calls.kinds import MODEL
from runfold.events.calls.transcript import digest_after, parts, tokens_of
from runfold.events.contents.content import text
from runfold.events.trusted import trusted
from runfold.processors.run.brakes import memory
from runfold.processors.run.fold import open_calls, tenancy
from runfold.processors.run.state import (
    ContextCall,
    Last,
    Live,
    ModelCall,
    RoundCall,
    Selection,
    Transcript,
    Waiting,
    changed,
    loop_changed,
)

SCRIPTED = "scripted"
"""The provider of models that are only scripts."""

Said = tuple[str, str, Message]
"""The kind and the id of a message, and the message."""

_MESSAGE_BYTES = 128
"""About what a message or a proposed call takes on the wire beside its contents."""


def context_hydrated(run: Live, fact: j.ContextHydrated, at: datetime) -> Live:
    """The replies of the closed round, then what people said, enter the transcript."""
    transcript = next_transcript(run)
    if run.loop.watch is not None:
        messages = len(transcript.messages)
        run = loop_changed(run, watch=memory.after_round(run.loop.watch, run, at, messages))
    return changed(loop_changed(run, transcript=transcript, selection=None, calls=()), inbox=())


def next_transcript(run: Live) -> Transcript:
    """Return the transcript of the next turn; its digest covers every message so far."""
    replies = [_reply(call) for call in run.loop.round]
    return with_messages(run.loop.transcript, (*replies, *[_said(each) for each in run.inbox]))


def _reply(call: RoundCall) -> Said:
    if call.proposal.by_brake:
        return "message", call.call_id, trusted(Message)(role=Role.USER, content=call.reply)
    message = trusted(Message)(
        role=Role.TOOL,
        content=call.reply,
        call_id=call.provider_call_id,
        is_error=call.is_error,
    )
    return "reply", call.call_id, message


def _said(waiting: Waiting) -> Said:
    message = trusted(Message)(role=Role.USER, content=waiting.content)
    return waiting.kind, waiting.id, message


def with_messages(transcript: Transcript, said: Iterable[Said]) -> Transcript:
    """Return the transcript with more messages; tokens are estimated at four bytes each."""
    digest, tokens, weight = transcript.digest, transcript.token_estimate, transcript.weight
    names, messages = [*transcript.names], [*transcript.messages]
    for kind, name, message in said:
        held = parts(message)
        digest = digest_after(digest, message, held)
        tokens += tokens_of(held)
        weight += _MESSAGE_BYTES * (1 + len(message.tool_calls))
        carried = held if message.opaque is None else [*held, message.opaque]
        weight += sum([len(part.inline) for part in carried if part.inline])
        names.append((kind, name))
        messages.append(message)
    return Transcript(tuple(messages), tuple(names), digest, number_of(tokens), weight)


def context_called(run: Live, fact: j.ContextCalled, at: datetime) -> Live:
    """A context is being chosen."""
    out = open_calls.handed_out(run, fact, at)
    call = ContextCall(call_id=fact.call_id, budget_tokens=fact.budget_tokens, **out)
    return open_calls.opened(run, call)


def context_selected(run: Live, fact: j.ContextSelected, at: datetime) -> Live:
    """The model will be shown what was chosen."""
    chosen = Selection(fact.content, fact.digest)
    return loop_changed(run, selection=chosen, calls=open_calls.without(run, fact.call_id))


def context_failed(run: Live, fact: j.ContextFailed, at: datetime) -> Live:
    """The call stays open until it is held for a retry or the run ends."""
    return run


def model_called(run: Live, fact: j.ModelCalled, at: datetime) -> Live:
    """A model call is out."""
    out = open_calls.handed_out(run, fact, at)
    judged_by = fact.judged_by
    call = ModelCall(call_id=fact.call_id, fallbacks=fact.fallbacks, judged_by=judged_by, **out)
    run = tenancy.called(run, MODEL.name, at)
    return changed(open_calls.opened(run, call), counters=run.counters.plus("model_calls"))


def model_responded(run: Live, fact: j.ModelResponded, at: datetime) -> Live:
    """The answer joins the transcript."""
    answer = fact.answer
    if run.loop.watch is not None:
        run = loop_changed(run, watch=memory.after_answer(run.loop.watch, run))
    message = trusted(Message)(
        role=Role.ASSISTANT,
        content=answer.text,
        tool_calls=answer.tool_calls,
        opaque=answer.opaque,
    )
    run = loop_changed(
        run,
        calls=open_calls.without(run, fact.call_id),
        selection=None,
        last=Last(fact.call_id, fact.decision),
        transcript=with_messages(run.loop.transcript, (("answer", fact.call_id, message),)),
    )
    budget = run.budget
    dearest = max(budget.dearest_call, fact.cost or budget.dearest_call)
    unpriced = budget.unpriced or unpriced_model(fact.cost, fact.provider, fact.model)
    return changed(run, budget=changed(budget, dearest_call=dearest, unpriced=unpriced))


def unpriced_model(cost: Decimal | None, provider: str, model: str) -> str | None:
    """Return the model where its price is not known; a script is no model and costs nothing."""
    return model if cost is None and provider != SCRIPTED else None


def model_failed(run: Live, fact: j.ModelFailed, at: datetime) -> Live:
    """The call stays open until it is held for a retry or the run ends."""
    return open_calls.lost(run, fact.call_id, fact.attempt, fact.model)


def reflection_recorded(run: Live, fact: j.ReflectionRecorded, at: datetime) -> Live:
    """What was found wrong is said to the model, unless the replies of a round say it already."""
    counters = run.counters.plus("reflections")
    if fact.passed:
        return changed(run, counters=counters)
    run = changed(run, counters=counters.plus("malformed_answers"))
    run = loop_changed(run, malformed=run.loop.malformed + 1)
    if run.loop.calls:
        return run
    said = text(" ".join((*fact.issues, fact.next_action)))
    message = trusted(Message)(role=Role.USER, content=said)
    notice = (("notice", fact.model_call_id or "", message),)
    return loop_changed(run, transcript=with_messages(run.loop.transcript, notice))


def budget_reserved(run: Live, fact: j.BudgetReserved, at: datetime) -> Live:
    """Money is set aside for a call."""
    reserved = MappingProxyType({**run.budget.reservations, fact.call_id: fact.amount})
    return changed(run, budget=changed(run.budget, reservations=reserved))


def budget_settled(run: Live, fact: j.BudgetSettled, at: datetime) -> Live:
    """What was set aside is free again; the cost itself came with the answer."""
    left = {of: sum_ for of, sum_ in run.budget.reservations.items() if of != fact.call_id}
    return changed(run, budget=changed(run.budget, reservations=MappingProxyType(left)))
