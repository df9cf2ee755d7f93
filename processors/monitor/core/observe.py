"""What each fact of the journal counts for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.values import Usage
from runfold.processors.monitor.core.metrics import AGENT, MODEL, TENANT, TOOL
from runfold.processors.monitor.core.runs import LiveRun, OpenCall
from runfold.processors.monitor.core.store import Observation

Counted = tuple[str, Decimal | int, dict[str, str]]

_MS = timedelta(milliseconds=1)
_END_METRIC: dict[type[Fact], str] = {
    j.RunCompleted: "runs_completed",
    j.RunFailed: "runs_failed",
    j.RunCancelled: "runs_cancelled",
    j.RunRefused: "runs_refused",
}
_PLAIN: dict[type[Fact], str] = {j.LimitReached: "limits_reached", j.BrakeApplied: "brakes"}


def observe(run: LiveRun, fact: Fact, at: datetime) -> Iterator[Observation]:
    """Bring the run up to the fact and yield what is to be counted."""
    _learn_agent(run, fact)
    own = {AGENT: run.agent, TENANT: run.tenant}
    yield Observation("events", at, 1, own, run.run_id)
    for metric, amount, labels in _counted(run, fact, at):
        yield Observation(metric, at, amount, own | labels, run.run_id)


def _learn_agent(run: LiveRun, fact: Fact) -> None:
    match fact:
        case j.RunCreated(request=request) | j.RunRefused(request=request):
            run.agent = request.agent
        case j.RunCompleted() | j.RunFailed() | j.RunCancelled():
            run.agent = fact.agent
        case j.ModelResponded() | j.ModelFailed() | j.ToolCallSucceeded() | j.ToolCallFailed():
            run.agent = fact.attribution.agent
        case _:
            pass


def _counted(run: LiveRun, fact: Fact, at: datetime) -> Iterator[Counted]:
    match fact:
        case j.RunCreated():
            run.created = at
            yield "runs_created", 1, {}
        case j.RunStarted():
            if run.created is not None:
                yield "queue_ms", (at - run.created) // _MS, {}
        case j.RunCompleted() | j.RunFailed() | j.RunCancelled() | j.RunRefused():
            yield from _ended(run, fact, at)
        case j.ModelCalled() | j.ModelResponded() | j.ModelFailed():
            yield from _model(run, fact, at)
        case j.RetryScheduled():
            call = run.calls.get(fact.call_id)
            if call is not None:
                call.due = fact.due
            yield "retries", 1, {call.dimension: call.name} if call else {}
        case j.PolicyDecided(effect=j.PolicyEffect.FORBID):
            yield "policy_denials", 1, {}
        case j.LimitReached() | j.BrakeApplied():
            yield _PLAIN[type(fact)], 1, {}
        case j.HumanInputRequested():
            run.asked[fact.question_id] = at
        case j.HumanInputReceived():
            yield from _answered(run, fact.question_id, at)
        case _:
            yield from _tool(run, fact, at)


def _ended(run: LiveRun, fact: Fact, at: datetime) -> Iterator[Counted]:
    yield "runs_ended", 1, {}
    yield _END_METRIC[type(fact)], 1, {}
    if run.created is not None:
        yield "run_ms", (at - run.created) // _MS, {}


def _model(
    run: LiveRun, fact: j.ModelCalled | j.ModelResponded | j.ModelFailed, at: datetime
) -> Iterator[Counted]:
    label = {MODEL: fact.model}
    if isinstance(fact, j.ModelCalled):
        due = at + timedelta(milliseconds=fact.timeout_ms)
        run.calls[fact.call_id] = OpenCall(MODEL, fact.model, due)
        return
    yield "model_calls", 1, label
    yield "model_ms", fact.latency_ms, label
    asked = run.calls.get(fact.call_id)
    if isinstance(fact, j.ModelFailed):
        yield "model_failures", 1, label
        if asked is not None:
            asked.due = None
        return
    run.calls.pop(fact.call_id, None)
    if asked is not None and asked.name != fact.model:
        yield "model_fallbacks", 1, {MODEL: asked.name}
    yield from _used(label, fact.usage, fact.cost)
    if fact.time_to_first_token_ms is not None:
        yield "first_token_ms", fact.time_to_first_token_ms, label


def _used(label: dict[str, str], usage: Usage, cost: Decimal | None) -> Iterator[Counted]:
    yield "input_tokens", usage.input_tokens, label
    yield "output_tokens", usage.output_tokens, label
    if cost is None:
        yield "unpriced_calls", 1, label
    else:
        yield "cost_usd", cost, label


def _tool(run: LiveRun, fact: Fact, at: datetime) -> Iterator[Counted]:
    match fact:
        case j.ToolCallProposed():
            run.calls[fact.call_id] = OpenCall(TOOL, fact.tool)
        case j.ApprovalRequested():
            run.asked[fact.call_id] = at
            yield "approvals_requested", 1, {TOOL: fact.tool}
        case j.ToolCallApproved():
            yield from _answered(run, fact.call_id, at)
        case j.ToolCallDenied():
            call = run.calls.pop(fact.call_id, None)
            yield "calls_denied", 1, {TOOL: call.name} if call else {}
            yield from _answered(run, fact.call_id, at)
        case j.ToolCallStarted():
            due = at + timedelta(milliseconds=fact.timeout_ms)
            run.calls[fact.call_id] = OpenCall(TOOL, fact.tool, due)
        case j.ToolCallSucceeded() | j.ToolCallFailed() | j.ToolCallUncertain():
            yield from _tool_ended(run, fact, at)
        case j.LateResultNoted(answer=j.LateAnswer() as answer):
            yield from _used({MODEL: answer.model}, answer.usage, fact.cost)
        case j.LateResultNoted(tool=str() as tool, cost=Decimal() as cost):
            yield "cost_usd", cost, {TOOL: tool}
        case _:
            pass


def _tool_ended(
    run: LiveRun,
    fact: j.ToolCallSucceeded | j.ToolCallFailed | j.ToolCallUncertain,
    at: datetime,
) -> Iterator[Counted]:
    label = {TOOL: fact.tool}
    yield "tool_calls", 1, label
    yield from _answered(run, fact.call_id, at)
    if fact.cost is not None:
        yield "cost_usd", fact.cost, label
    if isinstance(fact, j.ToolCallUncertain):
        # The run stops until a person resolves it.
        run.asked[fact.call_id] = at
        yield "tool_uncertain", 1, label
        return
    yield "tool_ms", fact.latency_ms, label
    if isinstance(fact, j.ToolCallSucceeded):
        run.calls.pop(fact.call_id, None)
        return
    yield "tool_failures", 1, label
    if fact.error.error_type == "timeout":
        yield "tool_timeouts", 1, label
    # A retry would say so of this very call.
    run.calls[fact.call_id] = OpenCall(TOOL, fact.tool)


def _answered(run: LiveRun, asked: str, at: datetime) -> Iterator[Counted]:
    since = run.asked.pop(asked, None)
    if since is not None:
        yield "approval_ms", (at - since) // _MS, {}
