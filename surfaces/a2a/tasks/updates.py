"""What becomes of a task, as it happens: its state, its steps, its artifacts.

Each update carries the number of the event that it came from, as ``metadata.runfold.seq``: who
comes back with it, as ``Last-Event-ID``, goes on there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from a2a.types.a2a_pb2 import TaskArtifactUpdateEvent, TaskStatusUpdateEvent

from runfold.events.run import Event
from runfold.surfaces.a2a.messages.parts import struct_of
from runfold.surfaces.a2a.tasks.folding import TaskFold
from runfold.surfaces.a2a.tasks.states import state_of

Update = TaskStatusUpdateEvent | TaskArtifactUpdateEvent

_STEPS: Final = frozenset(
    {
        "HumanInputReceived",
        "ModelResponded",
        "RunPaused",
        "RunResumed",
        "ToolCallFailed",
        "ToolCallStarted",
        "ToolCallSucceeded",
        "UserMessageReceived",
    }
)
"""Events that are told also where the state of the task stays what it is."""


def updates(task: TaskFold, event: Event, *, steps: bool = True) -> Iterator[Update]:
    """Take a run's next event, and yield what it changes; without ``steps`` only new states."""
    before = _standing(task)
    new = task.take(event)
    metadata = struct_of({"runfold": {"seq": event.meta.seq, "event": event.type}})
    for artifact in new:
        yield TaskArtifactUpdateEvent(
            task_id=event.meta.run_id,
            context_id=task.context_id,
            artifact=artifact,
            last_chunk=True,
            metadata=metadata,
        )
    if before != _standing(task) or (steps and event.type in _STEPS):
        yield TaskStatusUpdateEvent(
            task_id=event.meta.run_id,
            context_id=task.context_id,
            status=task.status(),
            metadata=metadata,
        )


def _standing(task: TaskFold) -> object:
    """Return what a change of is always told: the state, and what waits for a person."""
    if task.seq == 0:
        return None
    found = task.detail
    return state_of(found), found.waits_for
