"""What a run does next when nobody tells it: start approved calls, or take the next turn."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from runfold.events import run as j
from runfold.events.calls.kinds import MODEL
from runfold.events.contents.content import Content, text
from runfold.events.trusted import trusted
from runfold.processors.run.agent.models import attachments, context_calls, judging, model_calls
from runfold.processors.run.agent.tools import dry_runs, tool_calls
from runfold.processors.run.behaviour import BY_GATE
from runfold.processors.run.brakes import applying as brakes
from runfold.processors.run.draft import Draft
from runfold.processors.run.flow import advancing
from runfold.processors.run.fold.turns import next_transcript
from runfold.processors.run.ids import working_deadline
from runfold.processors.run.lifecycle import endings, extending, gate, pacing
from runfold.processors.run.policy.withdrawn import withdrawn_agent
from runfold.processors.run.state import CallStatus, Live, OpenCall, RoundCall, Waiting


def proceed(draft: Draft) -> None:
    """Say whatever follows by itself; nothing while the run is queued, paused, waiting or over."""
    if draft.has_ended() or gate.shut(draft.run) or not draft.run.started:
        return
    _begin_all(draft)
    if draft.has_ended():
        return
    if draft.run.loop.flow is not None:
        _follow_steps(draft)
        return
    if _stands(draft):
        return
    if all(call.status is CallStatus.CLOSED for call in draft.run.loop.calls):
        _next_turn(draft) if draft.run.idle.held is None else _await_person(draft)


def _begin_all(draft: Draft) -> None:
    for call in draft.run.loop.round:
        if not _stands(draft):
            _begin(draft, call)


def _follow_steps(draft: Draft) -> None:
    """Do what the graph of a flow says, until it waits for a call."""
    while not _stands(draft) and advancing.advance(draft) and not draft.has_ended():
        _begin_all(draft)


def _begin(draft: Draft, call: OpenCall | None) -> None:
    if draft.behaviour >= BY_GATE and isinstance(call, RoundCall):
        dry_runs.try_first(draft, call)
        call = draft.run.loop.call(call.call_id)
    if isinstance(call, RoundCall) and call.status is CallStatus.APPROVED:
        tool_calls.begin(draft, call)


def _stands(draft: Draft) -> bool:
    """Whether the run is over, or has met a limit and waits for more."""
    return draft.has_ended() or draft.run.budget.more.met is not None


def _next_turn(draft: Draft) -> None:
    if error := withdrawn_agent(draft):
        endings.fail(draft, endings.EXIT_WITHDRAWN, error)
        return
    if over := next(_limits_met(draft.run, draft.env.now), None):
        extending.limit_met(draft, *over)
        return
    if draft.behaviour >= 4 and _cannot_be_priced(draft):
        endings.unpriced(draft, draft.run.budget.unpriced or "")
        return
    if brakes.waits(draft) or pacing.must_wait(draft, MODEL.name):
        return
    if draft.run.loop.selection is None:
        _hydrate(draft)
        if judging.open_one(draft) or brakes.apply(draft):
            return
        if context_calls.needed(draft):
            context_calls.open_one(draft)
            return
    model_calls.open_one(draft)


_OF_MODELS = frozenset({"max_model_calls", "max_reflections"})
"""The limits of what only models do."""


def _await_person(draft: Draft) -> None:
    """Have the person who holds the run see what came back; their answer is the next turn."""
    run = draft.run
    over = (each for each in _limits_met(run, draft.env.now) if each[0] not in _OF_MODELS)
    if met := next(over, None):
        extending.limit_met(draft, *met)
    elif run.loop.round or run.inbox or not run.loop.transcript.messages:
        _hydrate(draft)


def _cannot_be_priced(draft: Draft) -> bool:
    """Whether a limit of money stands for nothing, since a price is not known [55]."""
    run = draft.run
    limited = run.limits.max_cost is not None and run.budget.unpriced is not None
    return limited and draft.agent().model.unpriced == "refuse"


def _hydrate(draft: Draft) -> None:
    run = draft.run
    transcript = next_transcript(run)
    replies = tuple(_reply_ref(call) for call in run.loop.round)
    said = tuple(_said_ref(waiting) for waiting in run.inbox)
    if not run.loop.transcript.messages:
        said += attachments.refs(run)
    draft.say(
        trusted(j.ContextHydrated)(
            refs=(*replies, *said),
            digest=transcript.digest,
            messages=len(transcript.messages),
            token_estimate=transcript.token_estimate,
        )
    )


_NO_REPLY: Content = text("")


def _reply_ref(call: RoundCall) -> j.ContextRef:
    return trusted(j.ContextRef)(
        kind="reply", id=call.call_id, digest=(call.reply or _NO_REPLY).digest
    )


def _said_ref(waiting: Waiting) -> j.ContextRef:
    return trusted(j.ContextRef)(kind=waiting.kind, id=waiting.id, digest=waiting.content.digest)


def _limits_met(run: Live, now: datetime) -> Iterator[tuple[str, object, object]]:
    """Yield each limit that is met, with what was used and what is allowed."""
    used, limits, tokens, cost = run.counters, run.limits, run.spent_tokens, run.spent
    if limits.max_model_calls is not None and used.model_calls >= limits.max_model_calls:
        yield "max_model_calls", used.model_calls, limits.max_model_calls
    if limits.max_reflections is not None and used.reflections > limits.max_reflections:
        yield "max_reflections", used.reflections, limits.max_reflections
    if limits.max_total_tokens is not None and tokens >= limits.max_total_tokens:
        yield "max_total_tokens", tokens, limits.max_total_tokens
    if limits.max_cost is not None and cost >= limits.max_cost:
        yield "max_cost", cost, limits.max_cost
    deadline = working_deadline(run)
    if deadline is not None and now >= deadline:
        yield "max_duration_ms", limits.max_duration_ms, limits.max_duration_ms
