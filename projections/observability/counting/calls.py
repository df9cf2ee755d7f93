"""Counts calls to models and tools, and the decisions before them."""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.run import Meta
from runfold.events.traits import NOTHING_USED, Charge
from runfold.events.values import ActorKind, ProviderAttempt
from runfold.projections.observability.counting import metrics as m
from runfold.projections.observability.counting.memory import OpenRun

_INVALID = "invalid_arguments"


def model_called(_meta: Meta, fact: j.ModelCalled, run: OpenRun) -> None:
    """A model call was decided."""
    _retried("model", fact.call_id, fact.attempt, run)


def _retried(kind: str, call_id: str, attempt: int, run: OpenRun) -> None:
    """Count a further attempt, unless the one before it was none."""
    if call_id in run.held:
        run.held.discard(call_id)
    elif attempt > 1:
        m.RETRIES(kind).inc()


def held(_meta: Meta, fact: j.CallHeld, run: OpenRun) -> None:
    """A call could not begin."""
    run.held.add(fact.call_id)
    m.HELD(fact.kind, fact.code).inc()


def handed_out_again(_meta: Meta, _fact: j.CallHandedOutAgain, _run: OpenRun) -> None:
    """Nobody had begun a call."""
    m.HANDED_OUT_AGAIN().inc()


def model_responded(_meta: Meta, fact: j.ModelResponded, _run: OpenRun) -> None:
    """A model answered."""
    agent, model = fact.attribution.agent, fact.model
    fallback = "yes" if fact.attempts and fact.attempts[0].model != model else "no"
    m.MODEL_CALLS(agent, model, "succeeded", fallback).inc()
    m.MODEL_SECONDS(model, "succeeded").observe(fact.latency_ms / 1000)
    if fact.time_to_first_token_ms is not None:
        m.FIRST_TOKEN_SECONDS(model).observe(fact.time_to_first_token_ms / 1000)
    _errors(fact.attempts)
    for each in fact.redacted:
        m.SENSITIVE(agent, each.kind, "hidden").inc(each.count)
    for each in fact.exposed:
        m.SENSITIVE(agent, each.kind, "exposed").inc(each.count)
    for call in fact.answer.tool_calls:
        m.PROPOSALS(agent, "malformed" if call.problem else "well_formed").inc()


def paid(charge: Charge) -> None:
    """Something was paid for, priced or not, in time or too late."""
    agent, name, usage, cost = charge.attribution.agent, charge.name, charge.usage, charge.cost
    if usage is not NOTHING_USED:
        m.MODEL_TOKENS(agent, name, "input").inc(usage.input_tokens)
        m.MODEL_TOKENS(agent, name, "output").inc(usage.output_tokens)
        if usage.cache_read_tokens or usage.cache_write_tokens:
            m.MODEL_TOKENS(agent, name, "cache_read").inc(usage.cache_read_tokens)
            m.MODEL_TOKENS(agent, name, "cache_write").inc(usage.cache_write_tokens)
        if usage.reasoning_tokens:
            m.MODEL_TOKENS(agent, name, "reasoning").inc(usage.reasoning_tokens)
    if cost is None:
        m.UNPRICED(name).inc()
    elif charge.model is not None:
        m.COST(agent, name, "retry" if charge.attempt > 1 else "first").inc(float(cost))
    else:
        m.TOOL_COST(agent, name).inc(float(cost))


def model_failed(_meta: Meta, fact: j.ModelFailed, _run: OpenRun) -> None:
    """No model answered."""
    m.MODEL_CALLS(fact.attribution.agent, fact.model, "failed", "no").inc()
    m.MODEL_SECONDS(fact.model, "failed").observe(fact.latency_ms / 1000)
    if fact.attempts:
        _errors(fact.attempts)
    else:
        m.MODEL_ERRORS(fact.model, fact.error.error_type).inc()


def context_called(_meta: Meta, fact: j.ContextCalled, run: OpenRun) -> None:
    """A selection of context was decided."""
    _retried("context", fact.call_id, fact.attempt, run)


def context_selected(_meta: Meta, fact: j.ContextSelected, run: OpenRun) -> None:
    """A context was chosen."""
    m.CONTEXT_CALLS(run.agent, "succeeded").inc()
    m.CONTEXT_SECONDS("succeeded").observe(fact.latency_ms / 1000)
    m.DROPPED(run.agent).inc(fact.dropped_count)


def context_failed(_meta: Meta, fact: j.ContextFailed, run: OpenRun) -> None:
    """No context could be chosen."""
    m.CONTEXT_CALLS(run.agent, "failed").inc()
    m.CONTEXT_SECONDS("failed").observe(fact.latency_ms / 1000)


def policy(_meta: Meta, fact: j.PolicyDecided, _run: OpenRun) -> None:
    """A policy permitted or forbade."""
    m.POLICY(fact.effect.value, fact.action).inc()


def approval_requested(meta: Meta, fact: j.ApprovalRequested, run: OpenRun) -> None:
    """A person must decide."""
    m.APPROVALS_ASKED(fact.tool).inc()
    run.approvals[fact.call_id] = (fact.tool, meta.time)


def approved(meta: Meta, fact: j.ToolCallApproved, run: OpenRun) -> None:
    """A call may run."""
    _decided(meta, fact.call_id, "approved" if fact.arguments is None else "edited", run)


def denied(meta: Meta, fact: j.ToolCallDenied, run: OpenRun) -> None:
    """A call may not run."""
    kind = meta.actor.kind
    timer = kind is ActorKind.SYSTEM or kind is ActorKind.TIMER
    m.DENIED(run.agent, "timer" if timer else kind.value).inc()
    if fact.code == _INVALID:
        m.INVALID(run.agent).inc()
    _decided(meta, fact.call_id, "denied", run)


def tool_started(meta: Meta, fact: j.ToolCallStarted, run: OpenRun) -> None:
    """A call was handed out."""
    _retried("tool", fact.call_id, fact.attempt, run)
    if not run.acted and run.created is not None:
        m.FIRST_ACTION_SECONDS(run.agent).observe((meta.time - run.created).total_seconds())
    run.acted = True


def tool_succeeded(meta: Meta, fact: j.ToolCallSucceeded, run: OpenRun) -> None:
    """A tool answered."""
    _ended(meta, fact.tool, "repeated" if fact.repeated else "succeeded", fact.latency_ms, run)
    _signs(fact)


def tool_failed(meta: Meta, fact: j.ToolCallFailed, run: OpenRun) -> None:
    """A tool failed."""
    _ended(meta, fact.tool, "failed", fact.latency_ms, run)
    m.TOOL_ERRORS(fact.tool, fact.error.error_type).inc()
    _signs(fact)
    if fact.error.error_type == _INVALID and fact.attempt == 1:
        m.INVALID(run.agent).inc()


def tool_uncertain(_meta: Meta, fact: j.ToolCallUncertain, _run: OpenRun) -> None:
    """Nobody knows whether a tool acted."""
    m.TOOL_CALLS(fact.tool, "uncertain").inc()
    m.TOOL_SECONDS(fact.tool, "uncertain").observe(fact.latency_ms / 1000)


def late(_meta: Meta, fact: j.LateResultNoted, _run: OpenRun) -> None:
    """A result came too late."""
    m.LATE(fact.outcome).inc()


def _signs(fact: j.ToolCallSucceeded | j.ToolCallFailed) -> None:
    for sign in fact.signs:
        m.SIGNS(fact.tool, sign.kind).inc(sign.count)


def _ended(meta: Meta, tool: str, outcome: str, latency_ms: int, run: OpenRun) -> None:
    m.TOOL_CALLS(tool, outcome).inc()
    m.TOOL_SECONDS(tool, outcome).observe(latency_ms / 1000)
    run.result_since = run.result_since or meta.time


def _decided(meta: Meta, call_id: str, decision: str, run: OpenRun) -> None:
    asked = run.approvals.pop(call_id, None)
    if asked is not None:
        tool, since = asked
        m.APPROVALS(tool, decision).inc()
        m.APPROVAL_SECONDS(tool).observe((meta.time - since).total_seconds())


def _errors(attempts: tuple[ProviderAttempt, ...]) -> None:
    for attempt in attempts:
        if attempt.error_type is not None:
            m.MODEL_ERRORS(attempt.model, attempt.error_type).inc()
