"""The fold: the state after a fact. It accepts every legal history and never refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.traits import charge_of
from runfold.events.values import RunStatus
from runfold.processors.run.fold import calls, lifecycle, model
from runfold.processors.run.state import WAITS_FOR_HUMAN, CallStatus, Ended, Live, RunState, changed

_Fold = Callable[[Live, Any, datetime], Live]

_FOLDS: dict[type[Fact], _Fold] = {
    j.RunStarted: lifecycle.started,
    j.UserMessageReceived: lifecycle.message_received,
    j.ContextHydrated: model.context_hydrated,
    j.PlanProposed: calls.plan_recorded,
    j.PlanRevised: calls.plan_recorded,
    j.ModelCalled: model.called,
    j.ModelResponded: model.responded,
    j.ModelFailed: model.failed,
    j.RetryScheduled: calls.retry_scheduled,
    j.ReflectionRecorded: model.reflection_recorded,
    j.BudgetReserved: model.budget_reserved,
    j.BudgetSettled: model.budget_settled,
    j.ToolCallProposed: calls.proposed,
    j.ApprovalRequested: calls.approval_requested,
    j.ToolCallApproved: calls.approved,
    j.ToolCallDenied: calls.denied,
    j.ToolCallStarted: calls.started,
    j.ToolCallSucceeded: calls.succeeded,
    j.ToolCallFailed: calls.failed,
    j.ToolCallUncertain: calls.uncertain,
    j.LateResultNoted: calls.late_result_noted,
    j.CheckpointWritten: calls.checkpoint_written,
    j.HumanInputRequested: calls.question_asked,
    j.HumanInputReceived: calls.question_answered,
    j.RunPaused: lifecycle.paused,
    j.RunResumed: lifecycle.resumed,
    j.RequestIgnored: lifecycle.control_noted,
}

_BEGINNINGS: dict[type[Fact], Callable[[Any, datetime], RunState]] = {
    j.RunCreated: lifecycle.created,
    j.RunRefused: lifecycle.refused,
}


class HistoryError(ValueError):
    """A history that no decider could have written."""


def evolve(state: RunState | None, fact: Fact, at: datetime) -> RunState:
    """Return the state after ``fact``, which was recorded at ``at``.

    What a fact says was paid for is counted, whatever the fact. Facts that carry no state of
    their own (a policy's decision) leave it as it is.
    """
    kind = type(fact)
    if begin := _BEGINNINGS.get(kind):
        return begin(fact, at)
    if not isinstance(state, Live):
        raise HistoryError(f"{kind.__name__} cannot follow the end or precede the beginning")
    if (charge := charge_of(fact)) is not None:
        state = changed(state, counters=state.counters.charged(charge))
    if fold := _FOLDS.get(kind):
        return _settle(fold(state, fact, at), at)
    if ending := fact.traits.ends:
        return Ended(ending, state.tenant_id, state.traceparent)
    return state


def status_of(run: Live) -> RunStatus:  # noqa: PLR0911 - one line a status reads best
    """Return the status that a live run's state amounts to [21]."""
    if run.idle.paused:
        return RunStatus.PAUSED
    if not run.started:
        return RunStatus.CREATED
    if run.since_checkpoint.closed:
        return RunStatus.CHECKPOINTING
    stands = [call.status for call in run.loop.calls]
    if not WAITS_FOR_HUMAN.isdisjoint(stands):
        return RunStatus.WAITING_FOR_HUMAN
    if CallStatus.RUNNING in stands:
        return RunStatus.RUNNING_TOOL
    if CallStatus.APPROVED in stands or CallStatus.HELD in stands:
        return RunStatus.WAITING_FOR_TOOL
    if run.loop.model_call is not None:
        return RunStatus.WAITING_FOR_MODEL
    return RunStatus.PLANNING


_IDLE = frozenset({RunStatus.PAUSED, RunStatus.WAITING_FOR_HUMAN})


def _settle(run: Live, at: datetime) -> Live:
    status = status_of(run)
    if status is run.status:
        return run
    if status in _IDLE:
        return changed(run, status=status, idle=changed(run.idle, since=run.idle.since or at))
    if run.idle.since is not None:
        total = run.idle.total + (at - run.idle.since)
        return changed(run, status=status, idle=changed(run.idle, since=None, total=total))
    return changed(run, status=status)
