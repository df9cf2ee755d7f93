"""The states of a task, from where its run stands."""

from __future__ import annotations

from typing import Final

from a2a.types.a2a_pb2 import TaskState

from runfold.events.values import RunStatus
from runfold.surfaces.application import shapes

REFUSED: Final = "RunRefused"

TERMINAL: Final = frozenset(
    {
        TaskState.TASK_STATE_COMPLETED,
        TaskState.TASK_STATE_FAILED,
        TaskState.TASK_STATE_CANCELED,
        TaskState.TASK_STATE_REJECTED,
    }
)
WAITING: Final = frozenset({TaskState.TASK_STATE_INPUT_REQUIRED})

_BY_STATUS: Final = {
    RunStatus.UNKNOWN: TaskState.TASK_STATE_WORKING,
    RunStatus.CREATED: TaskState.TASK_STATE_SUBMITTED,
    RunStatus.QUEUED: TaskState.TASK_STATE_SUBMITTED,
    RunStatus.WAITING_FOR_HUMAN: TaskState.TASK_STATE_INPUT_REQUIRED,
    RunStatus.COMPLETED: TaskState.TASK_STATE_COMPLETED,
    RunStatus.FAILED: TaskState.TASK_STATE_FAILED,
    RunStatus.CANCELLED: TaskState.TASK_STATE_CANCELED,
}


def state_of(found: shapes.RunDetail) -> TaskState:
    """Return the state of a task from its run's detail."""
    if found.last_event == REFUSED:
        return TaskState.TASK_STATE_REJECTED
    if found.exit is None and found.waits_for:
        return TaskState.TASK_STATE_INPUT_REQUIRED
    state = state_of_status(found.status)
    if state == TaskState.TASK_STATE_INPUT_REQUIRED:
        # Nobody is asked any more: the run is about to go on.
        return TaskState.TASK_STATE_WORKING
    return state


def state_of_status(status: RunStatus) -> TaskState:
    """Return the state of a task, as far as a run's status says it."""
    return _BY_STATUS.get(status, TaskState.TASK_STATE_WORKING)


def statuses_of(state: TaskState) -> tuple[RunStatus, ...]:
    """Return the statuses that runs with this state of a task have."""
    if state == TaskState.TASK_STATE_REJECTED:
        return (RunStatus.FAILED,)
    return tuple(
        status
        for status in RunStatus
        if status is not RunStatus.UNKNOWN and state_of_status(status) == state
    )
