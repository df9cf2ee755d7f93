"""What a run does next when nobody tells it: start approved calls, or take the next turn."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from runfold.events import run as j
from runfold.events.content import Content, text
from runfold.events.definitions import AgentDefinition
from runfold.events.trusted import trusted
from runfold.processors.run.draft import Draft
from runfold.processors.run.fold.model import next_context
from runfold.processors.run.lifecycle import endings
from runfold.processors.run.policy.withdrawn import withdrawn_agent, withdrawn_tool
from runfold.processors.run.state import Call, CallStatus, Live, Waiting


def proceed(draft: Draft) -> None:
    """Say whatever follows by itself; nothing while the run is paused, waiting or over."""
    if draft.has_ended() or draft.run.idle.paused:
        return
    for call in draft.run.loop.calls:
        if call.status is CallStatus.APPROVED and not draft.has_ended():
            start(draft, call)
    if draft.has_ended():
        return
    run = draft.run
    if run.loop.model_call is None and all(
        call.status is CallStatus.CLOSED for call in run.loop.calls
    ):
        _next_turn(draft)


def start(draft: Draft, call: Call) -> None:
    """Hand a permitted call out, within the run's limit of tool calls."""
    if reason := withdrawn_tool(draft, call.tool):
        draft.say(j.ToolCallDenied(call_id=call.call_id, reason=reason))
        return
    run = draft.run
    allowed = run.limits.max_tool_calls
    if call.attempt == 0 and allowed is not None and run.counters.tool_calls >= allowed:
        endings.limit_reached(draft, "max_tool_calls", run.counters.tool_calls, allowed)
        return
    contract = draft.contract(call.tool)
    draft.say(
        trusted(j.ToolCallStarted)(
            call_id=call.call_id,
            attempt=call.attempt + 1,
            tool=call.tool,
            placement=contract.placement,
            idempotency_key=call.idempotency_key,
            timeout_ms=contract.timeout_ms,
        )
    )


def call_model(draft: Draft, call_id: str, attempt: int) -> None:
    """Call the model with the context as it stands."""
    run, agent = draft.run, draft.agent()
    draft.say(
        trusted(j.ModelCalled)(
            call_id=call_id,
            attempt=attempt,
            model=run.pinned.model,
            fallbacks=agent.model.fallbacks,
            routing_reason=_routing_reason(draft, attempt),
            prompt_version=run.pinned.prompt_version,
            context_digest=run.loop.context.digest,
            placement=agent.model.placement,
            timeout_ms=agent.model.timeout_ms,
            max_output_tokens=agent.model.max_output_tokens,
        )
    )


def _routing_reason(draft: Draft, attempt: int) -> str:
    if attempt == 1:
        return draft.people("agents_choice")
    return draft.people("retry", number=attempt - 1)


def working_deadline(run: Live) -> datetime | None:
    """Return when the run's working time is used up; time spent waiting for people is not work."""
    if run.limits.max_duration_ms is None or run.idle.since is not None:
        return None
    return (
        run.pinned.created_at + timedelta(milliseconds=run.limits.max_duration_ms) + run.idle.total
    )


def _next_turn(draft: Draft) -> None:
    agent = draft.agent()
    if error := withdrawn_agent(draft):
        endings.fail(draft, endings.EXIT_WITHDRAWN, error)
        return
    if over := _limit_met(draft.run, draft.env.now):
        endings.limit_reached(draft, *over)
        return
    _hydrate(draft)
    if not _reserve(draft, agent):
        return
    call_model(draft, draft.next_call_id(), 1)


def _hydrate(draft: Draft) -> None:
    run = draft.run
    context = next_context(run)
    replies = tuple(_reply_ref(call) for call in run.loop.calls)
    said = tuple(_said_ref(waiting) for waiting in run.inbox)
    draft.say(
        trusted(j.ContextHydrated)(
            refs=(*replies, *said),
            digest=context.digest,
            messages=len(context.messages),
            token_estimate=context.token_estimate,
        )
    )


_NO_REPLY: Content = text("")


def _reply_ref(call: Call) -> j.ContextRef:
    return trusted(j.ContextRef)(
        kind="reply", id=call.call_id, digest=(call.reply or _NO_REPLY).digest
    )


def _said_ref(waiting: Waiting) -> j.ContextRef:
    return trusted(j.ContextRef)(kind=waiting.kind, id=waiting.id, digest=waiting.content.digest)


def _limit_met(run: Live, now: datetime) -> tuple[str, object, object] | None:
    used, limits = run.counters, run.limits
    tokens = used.input_tokens + used.output_tokens
    if limits.max_model_calls is not None and used.model_calls >= limits.max_model_calls:
        return "max_model_calls", used.model_calls, limits.max_model_calls
    if limits.max_reflections is not None and used.reflections > limits.max_reflections:
        return "max_reflections", used.reflections, limits.max_reflections
    if limits.max_total_tokens is not None and tokens >= limits.max_total_tokens:
        return "max_total_tokens", tokens, limits.max_total_tokens
    if limits.max_cost is not None and used.cost >= limits.max_cost:
        return "max_cost", used.cost, limits.max_cost
    deadline = working_deadline(run)
    if deadline is not None and now >= deadline:
        return "max_duration_ms", limits.max_duration_ms, limits.max_duration_ms
    return None


def _reserve(draft: Draft, agent: AgentDefinition) -> bool:
    """Set money aside where the run has a cost limit; end the run where it does not suffice."""
    run = draft.run
    limit = run.limits.max_cost
    if limit is None:
        return True
    amount = agent.model.reserve_usd or run.budget.dearest_call or Decimal(0)
    if run.counters.cost + run.budget.reserved + amount > limit:
        endings.limit_reached(draft, "max_cost", run.counters.cost + amount, limit)
        return False
    draft.say(
        j.BudgetReserved(
            call_id=draft.next_call_id(),
            amount=amount,
            spent_before=run.counters.cost,
            reserved_before=run.budget.reserved,
            limit=limit,
        )
    )
    return True
