"""What an event does to the status of a run that is not paused, for the reference page."""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.values import RunStatus as S

STATUS_AFTER: dict[type[Fact], tuple[S, ...]] = {
    j.RunCreated: (S.CREATED,),
    j.RunRefused: (S.FAILED,),
    j.RunQueued: (S.QUEUED,),
    j.RunStarted: (S.PLANNING,),
    j.ContextHydrated: (S.PLANNING,),
    j.PlanProposed: (S.PLANNING,),
    j.ModelCalled: (S.WAITING_FOR_MODEL,),
    j.ModelResponded: (S.PLANNING,),
    j.ModelFailed: (S.WAITING_FOR_MODEL,),
    j.RetryScheduled: (S.WAITING_FOR_MODEL, S.WAITING_FOR_TOOL),
    j.ApprovalRequested: (S.WAITING_FOR_HUMAN,),
    j.ToolCallApproved: (S.WAITING_FOR_TOOL,),
    j.ToolCallDenied: (S.PLANNING,),
    j.ToolCallStarted: (S.RUNNING_TOOL,),
    j.ToolCallSucceeded: (S.CHECKPOINTING,),
    j.ToolCallFailed: (S.CHECKPOINTING,),
    j.ToolCallUncertain: (S.WAITING_FOR_HUMAN,),
    j.CheckpointWritten: (S.PLANNING, S.WAITING_FOR_HUMAN),
    j.HumanInputRequested: (S.WAITING_FOR_HUMAN,),
    j.HumanInputReceived: (S.PLANNING,),
    j.RunPaused: (S.PAUSED,),
    j.RunResumed: (S.PLANNING,),
    j.RunCompleted: (S.COMPLETED,),
    j.RunFailed: (S.FAILED,),
    j.RunCancelled: (S.CANCELLED,),
}
"""The status after an event where no other call of the run is open; other events leave it."""

NOT_YET_WRITTEN: frozenset[type[Fact]] = frozenset(
    {
        j.RunQueued,
        j.PlanStepAdvanced,
        j.MemoryWriteProposed,
        j.MemoryWriteCommitted,
        j.MemoryWriteRejected,
        j.BrakeApplied,
        j.RunTakenOver,
        j.RunForked,
    }
)
"""Events that have a schema from the first version on, and no decider that writes them yet."""


def described(fact: type[Fact]) -> str:
    """Return the status after an event in words."""
    after = STATUS_AFTER.get(fact)
    return "unchanged" if after is None else " or ".join(f"`{status.value}`" for status in after)
