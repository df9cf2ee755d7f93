"""Which function counts which event of the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.catalogue import CHARGED, TERMINAL_FACTS
from runfold.events.run import Meta
from runfold.events.traits import charge_of
from runfold.projections.observability.counting import calls, people, runs
from runfold.projections.observability.counting.memory import Memory, OpenRun
from runfold.projections.view import Placed

# Each function takes the fact that it stands beside.
_Count = Callable[[Meta, Any, OpenRun], None]

COUNTED: Mapping[type[Fact], _Count] = {
    j.RunCreated: runs.created,
    j.RunQueued: runs.queued,
    j.RunStarted: runs.started,
    j.RunRefused: runs.refused,
    j.RunCompleted: runs.ended,
    j.RunFailed: runs.ended,
    j.RunCancelled: runs.ended,
    j.LimitReached: runs.limit,
    j.BrakeApplied: runs.brake,
    j.CheckpointWritten: runs.checkpoint,
    j.PlanProposed: runs.plan,
    j.PlanRevised: runs.plan,
    j.ReflectionRecorded: runs.reflection,
    j.ContextHydrated: runs.context,
    j.ContextCalled: calls.context_called,
    j.ContextSelected: calls.context_selected,
    j.ContextFailed: calls.context_failed,
    j.CallHeld: calls.held,
    j.CallHandedOutAgain: calls.handed_out_again,
    j.ModelCalled: calls.model_called,
    j.ModelResponded: calls.model_responded,
    j.ModelFailed: calls.model_failed,
    j.PolicyDecided: calls.policy,
    j.ApprovalRequested: calls.approval_requested,
    j.ToolCallApproved: calls.approved,
    j.ToolCallDenied: calls.denied,
    j.ToolCallStarted: calls.tool_started,
    j.ToolCallSucceeded: calls.tool_succeeded,
    j.ToolCallFailed: calls.tool_failed,
    j.ToolCallUncertain: calls.tool_uncertain,
    j.LateResultNoted: calls.late,
    j.HumanInputRequested: people.question,
    j.RunTakenOver: people.taken_over,
    j.UserMessageReceived: people.message,
    j.RequestIgnored: people.ignored,
}


_LAST = frozenset(TERMINAL_FACTS)
_KINDS = COUNTED.keys() | CHARGED


class Tally:
    """Counts events that are committed."""

    def __init__(self) -> None:
        self._memory = Memory()

    def committed(self, items: Iterable[Placed]) -> None:
        """Count events that were not counted before."""
        for item in items:
            fact = item.fact
            kind = type(fact)
            if kind not in _KINDS:
                continue
            meta = item.meta
            if (count := COUNTED.get(kind)) is not None:
                count(meta, fact, self._memory.of(meta.run_id))
            if kind in CHARGED and (charge := charge_of(fact)) is not None:
                calls.paid(charge)
            if kind in _LAST:
                self._memory.forget(meta.run_id)
