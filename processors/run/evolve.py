"""The fold: the state after a fact. It accepts every legal history and never refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from runfold.events import journal as j
from runfold.events.base import Fact
from runfold.events.common import RunStatus
from runfold.processors.run import fold_calls, fold_model, fold_run
from runfold.processors.run.state import WAITS_FOR_HUMAN, CallStatus, Ended, Live, RunState, changed

_Fold = Callable[[Live, Any, datetime], Live]

_FOLDS: dict[type[Fact], _Fold] = {
    j.RunStarted: fold_run.started,
    j.UserMessageReceived: fold_run.message_received,
    j.ContextHydrated: fold_model.context_hydrated,
    j.PlanProposed: fold_calls.plan_recorded,
    j.PlanRevised: fold_calls.plan_recorded,
    j.PlanStepAdvanced: fold_calls.plan_step_advanced,
    j.ModelCalled: fold_model.called,
    j.ModelResponded: fold_model.responded,
    j.ModelFailed: fold_model.failed,
    j.RetryScheduled: fold_calls.retry_scheduled,
    j.ReflectionRecorded: fold_model.reflection_recorded,
    j.BudgetReserved: fold_model.budget_reserved,
    j.BudgetSettled: fold_model.budget_settled,
    j.ToolCallProposed: fold_calls.proposed,
    j.ApprovalRequested: fold_calls.approval_requested,
    j.ToolCallApproved: fold_calls.approved,
    j.ToolCallDenied: fold_calls.denied,
    j.ToolCallStarted: fold_calls.started,
    j.ToolCallSucceeded: fold_calls.succeeded,
    j.ToolCallFailed: fold_calls.failed,
    j.ToolCallUncertain: fold_calls.uncertain,
    j.LateResultNoted: fold_calls.late_result_noted,
    j.CheckpointWritten: fold_calls.checkpoint_written,
    j.HumanInputRequested: fold_calls.question_asked,
    j.HumanInputReceived: fold_calls.question_answered,
    j.RunPaused: fold_run.paused,
    j.RunResumed: fold_run.resumed,
    j.RequestIgnored: fold_run.control_noted,
}

_BEGINNINGS: dict[type[Fact], Callable[[Any, datetime], RunState]] = {
    j.RunCreated: fold_run.created,
    j.RunRefused: fold_run.refused,
}

_ENDINGS: dict[type[Fact], RunStatus] = {
    j.RunCompleted: RunStatus.COMPLETED,
    j.RunFailed: RunStatus.FAILED,
    j.RunCancelled: RunStatus.CANCELLED,
}


class HistoryError(ValueError):
    """A history that no decider could have written."""


def evolve(state: RunState | None, fact: Fact, at: datetime) -> RunState:
    """Return the state after ``fact``, which was recorded at ``at``.

    Facts that carry no state (a policy's decision, a late result) leave it as it is.
    """
    kind = type(fact)
    if begin := _BEGINNINGS.get(kind):
        return begin(fact, at)
    if not isinstance(state, Live):
        raise HistoryError(f"{kind.__name__} cannot follow the end or precede the beginning")
    if fold := _FOLDS.get(kind):
        return _settle(fold(state, fact, at), at)
    if ending := _ENDINGS.get(kind):
        return Ended(ending, state.tenant_id, state.traceparent)
    return state


def status_of(run: Live) -> RunStatus:  # noqa: PLR0911 - one line a status reads best
    """Return the status that a live run's state amounts to [21]."""
    if run.paused:
        return RunStatus.PAUSED
    if not run.started:
        return RunStatus.CREATED
    if run.closed:
        return RunStatus.CHECKPOINTING
    stands = [call.status for call in run.calls]
    if not WAITS_FOR_HUMAN.isdisjoint(stands):
        return RunStatus.WAITING_FOR_HUMAN
    if CallStatus.RUNNING in stands:
        return RunStatus.RUNNING_TOOL
    if CallStatus.APPROVED in stands or CallStatus.HELD in stands:
        return RunStatus.WAITING_FOR_TOOL
    if run.model_call is not None:
        return RunStatus.WAITING_FOR_MODEL
    return RunStatus.PLANNING


_IDLE = frozenset({RunStatus.PAUSED, RunStatus.WAITING_FOR_HUMAN})


def _settle(run: Live, at: datetime) -> Live:
    status = status_of(run)
    if status is run.status:
        return run
    if status in _IDLE:
        return changed(run, status=status, idle_since=run.idle_since or at)
    if run.idle_since is not None:
        idle = run.idle + (at - run.idle_since)
        return changed(run, status=status, idle_since=None, idle=idle)
    return changed(run, status=status)
