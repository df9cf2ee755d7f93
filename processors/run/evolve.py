"""The fold: the state after a fact. It accepts every legal history and never refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.calls.kinds import TOOL
from runfold.events.traits import charge_of
from runfold.events.values import RunStatus
from runfold.processors.run.behaviour import BY_GATE
from runfold.processors.run.fold import (
    approvals,
    asking,
    brakes,
    children,
    dry_runs,
    judging,
    lifecycle,
    open_calls,
    policies,
    round_calls,
    steps,
    taking_over,
    tenancy,
    turns,
)
from runfold.processors.run.state import (
    WAITS_FOR_HUMAN,
    CallStatus,
    DryRunCall,
    Ended,
    JudgeCall,
    Live,
    RunState,
    changed,
)

_Fold = Callable[[Live, Any, datetime], Live]

_FOLDS: dict[type[Fact], _Fold] = {
    j.RunStarted: lifecycle.started,
    j.BrakesSet: lifecycle.watched,
    j.RunQueued: lifecycle.queued,
    j.RunAdmitted: tenancy.admitted,
    j.ExtensionAwaited: tenancy.awaited,
    j.ExtensionRequested: tenancy.requested,
    j.RunExtended: tenancy.extended,
    j.ExtensionRefused: tenancy.refused,
    j.CallsPaced: tenancy.paced,
    j.UserMessageReceived: lifecycle.message_received,
    j.ContextHydrated: turns.context_hydrated,
    j.ContextCalled: turns.context_called,
    j.ContextSelected: turns.context_selected,
    j.ContextFailed: turns.context_failed,
    j.PlanProposed: round_calls.plan_recorded,
    j.PlanRevised: round_calls.plan_recorded,
    j.ModelResolved: lifecycle.model_resolved,
    j.ModelCalled: turns.model_called,
    j.ModelResponded: turns.model_responded,
    j.ModelFailed: turns.model_failed,
    j.DryRunStarted: dry_runs.started,
    j.DryRunSucceeded: dry_runs.succeeded,
    j.DryRunFailed: dry_runs.failed,
    j.JudgeCalled: judging.called,
    j.JudgeAnswered: judging.answered,
    j.JudgeFailed: judging.failed,
    j.CallBegun: open_calls.begun,
    j.CallHeld: open_calls.held,
    j.CallHandedOutAgain: open_calls.handed_out_again,
    j.RetryScheduled: open_calls.retry_scheduled,
    j.ReflectionRecorded: turns.reflection_recorded,
    j.BudgetReserved: turns.budget_reserved,
    j.BudgetSettled: turns.budget_settled,
    j.ToolCallProposed: round_calls.proposed,
    j.PolicyDecided: round_calls.judged,
    j.PolicyAsked: policies.asked,
    j.PolicyAnswered: policies.answered,
    j.PolicyUnanswered: policies.answered,
    j.ApprovalRequested: approvals.requested,
    j.ApprovalGiven: approvals.given,
    j.ToolCallApproved: approvals.approved,
    j.ToolCallDenied: round_calls.denied,
    j.ToolCallStarted: round_calls.started,
    j.ToolCallSucceeded: round_calls.succeeded,
    j.ToolCallFailed: round_calls.failed,
    j.ToolCallUncertain: round_calls.uncertain,
    j.ChildRunRequested: children.asked,
    j.ChildRunEnded: children.returned,
    j.ChildRunSignalled: children.signalled,
    j.FlowStarted: steps.flow_begun,
    j.StepStarted: steps.begun,
    j.StepEnded: steps.ended,
    j.LateResultNoted: round_calls.late_result_noted,
    j.CheckpointWritten: round_calls.checkpoint_written,
    j.HumanInputRequested: round_calls.question_asked,
    j.HumanInputReceived: round_calls.question_answered,
    j.BrakeApplied: brakes.applied,
    j.RunPaused: lifecycle.paused,
    j.RunResumed: lifecycle.resumed,
    j.RequestIgnored: lifecycle.control_noted,
    j.WaitEscalated: asking.escalated,
    j.RunTakenOver: taking_over.taken_over,
    j.CallWithdrawn: taking_over.withdrawn,
    j.PersonReplied: taking_over.replied,
    j.ResultGiven: taking_over.result_given,
    j.RunHandedBack: taking_over.handed_back,
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
        return RunStatus.QUEUED if run.entry.asked else RunStatus.CREATED
    if run.since_checkpoint.closed:
        return RunStatus.CHECKPOINTING
    met = run.budget.more.met
    if met is not None and met.question_id is not None:
        return RunStatus.WAITING_FOR_HUMAN
    stands = {call.status for call in run.loop.calls if call.answers_model}
    if not WAITS_FOR_HUMAN.isdisjoint(stands):
        return RunStatus.WAITING_FOR_HUMAN
    if CallStatus.RUNNING in stands or any(isinstance(c, DryRunCall) for c in run.loop.calls):
        return RunStatus.RUNNING_TOOL
    if CallStatus.APPROVED in stands or CallStatus.HELD in stands:
        return RunStatus.WAITING_FOR_TOOL
    if CallStatus.PROPOSED in stands and _is_paced(run):
        return RunStatus.WAITING_FOR_TOOL
    if run.idle.held is not None:
        return RunStatus.WAITING_FOR_HUMAN
    if run.loop.model_call is not None or any(isinstance(c, JudgeCall) for c in run.loop.calls):
        return RunStatus.WAITING_FOR_MODEL
    return RunStatus.PLANNING


def _is_paced(run: Live) -> bool:
    """Whether the calls that its tools are to make come too early."""
    pace = run.entry.pace
    return pace is not None and TOOL.name in pace.until and run.behaviour >= BY_GATE


_IDLE = frozenset({RunStatus.PAUSED, RunStatus.WAITING_FOR_HUMAN, RunStatus.QUEUED})


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
