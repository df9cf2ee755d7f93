"""Folds of a turn: the context taken in, the model called, its answer, its cost."""

from __future__ import annotations

import hashlib
from datetime import datetime
from types import MappingProxyType

from runfold.events import run as j
from runfold.events.calls import Message, Role
from runfold.events.content import text
from runfold.events.trusted import trusted
from runfold.events.values import Placement
from runfold.processors.run.ids import outcome_of, timeout_at
from runfold.processors.run.state import Context, Live, ModelCall, changed, loop_changed


def context_hydrated(run: Live, fact: j.ContextHydrated, at: datetime) -> Live:
    """The replies of the closed round, then what people said, enter the context."""
    return changed(loop_changed(run, context=next_context(run), calls=()), inbox=())


def next_context(run: Live) -> Context:
    """Return the context of the next turn; its digest covers every message so far."""
    replies = [
        trusted(Message)(
            role=Role.TOOL,
            content=call.reply,
            call_id=call.provider_call_id,
            is_error=call.is_error,
        )
        for call in run.loop.calls
    ]
    said = [trusted(Message)(role=Role.USER, content=waiting.content) for waiting in run.inbox]
    context = run.loop.context
    for message in (*replies, *said):
        context = with_message(context, message)
    return context


def with_message(context: Context, message: Message) -> Context:
    """Return the context with one more message; tokens are estimated at four bytes each."""
    held = [call.arguments for call in message.tool_calls]
    if message.content is not None:
        held.insert(0, message.content)
    said = [context.digest, message.role.encode(), *[part.digest for part in held]]
    digest = hashlib.sha256(b"".join(said)).digest()
    return changed(
        context,
        messages=(*context.messages, message),
        digest=digest,
        token_estimate=context.token_estimate + sum([part.size for part in held]) // 4 + 4,
    )


def called(run: Live, fact: j.ModelCalled, at: datetime) -> Live:
    """A model call is out; its number is taken."""
    out = ModelCall(
        call_id=fact.call_id,
        attempt=fact.attempt,
        pooled=fact.placement is Placement.POOL,
        due=timeout_at(at, fact.timeout_ms),
    )
    return changed(
        loop_changed(run, model_call=out),
        next_call=run.next_call + (1 if fact.attempt == 1 else 0),
        counters=run.counters.plus("model_calls"),
    )


def responded(run: Live, fact: j.ModelResponded, at: datetime) -> Live:
    """The answer joins the context."""
    answer = fact.answer
    message = trusted(Message)(
        role=Role.ASSISTANT,
        content=answer.text,
        tool_calls=answer.tool_calls,
        opaque=answer.opaque,
    )
    run = loop_changed(
        run,
        model_call=None,
        answered_by=fact.call_id,
        decision=fact.decision,
        context=with_message(run.loop.context, message),
    )
    dearest = max(run.budget.dearest_call, fact.cost or run.budget.dearest_call)
    return changed(run, budget=changed(run.budget, dearest_call=dearest))


def failed(run: Live, fact: j.ModelFailed, at: datetime) -> Live:
    """The call stays the run's model call until it is held for a retry or the run ends."""
    lost = {**run.attempts.lost, outcome_of(fact.call_id, fact.attempt): fact.model}
    return changed(run, attempts=changed(run.attempts, lost=MappingProxyType(lost)))


def answered_late(run: Live, fact: j.LateResultNoted) -> Live:
    """What a lost answer said is not heard; it is lost no more."""
    outcome = outcome_of(fact.call_id, fact.attempt)
    lost = {name: model for name, model in run.attempts.lost.items() if name != outcome}
    return changed(run, attempts=changed(run.attempts, lost=MappingProxyType(lost)))


def reflection_recorded(run: Live, fact: j.ReflectionRecorded, at: datetime) -> Live:
    """What was found wrong is said to the model, unless the replies of a round say it already."""
    counters = run.counters.plus("reflections")
    if fact.passed:
        return changed(run, counters=counters)
    run = changed(run, counters=counters.plus("malformed_answers"))
    run = loop_changed(run, malformed=run.loop.malformed + 1)
    if run.loop.calls:
        return run
    notice = text(" ".join((*fact.issues, fact.next_action)))
    message = trusted(Message)(role=Role.USER, content=notice)
    return loop_changed(run, context=with_message(run.loop.context, message))


def budget_reserved(run: Live, fact: j.BudgetReserved, at: datetime) -> Live:
    """Money is set aside."""
    return changed(run, budget=changed(run.budget, reserved=fact.amount))


def budget_settled(run: Live, fact: j.BudgetSettled, at: datetime) -> Live:
    """What was set aside is free again; the cost itself came with the answer."""
    left = run.budget.reserved - fact.reserved
    return changed(run, budget=changed(run.budget, reserved=left))
