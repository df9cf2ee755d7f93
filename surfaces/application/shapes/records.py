"""What is on record of a run beside its events: what was said, safe points; and of names."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from runfold.events.values import RunStatus
from runfold.surfaces.application.shapes.base import SHAPE, Json, Shape
from runfold.surfaces.application.shapes.runs import Actor


class WantedCall(Shape):
    """A call that a message asks for."""

    tool: str
    arguments: Json


class RunMessage(Shape):
    """Something that was said in a run; ``seq`` is its event.

    ``role`` is user, assistant or tool. ``kind`` is goal, message or instructions of a person,
    answer of a model, reply of a person in its place, result of a tool, question of the agent to a
    person and human_answer to it.
    """

    seq: int
    time: datetime
    role: str
    kind: str
    by: Actor
    content: Json
    calls: tuple[WantedCall, ...]
    call_id: str | None
    tool: str | None
    is_error: bool


class RunMessages(Shape):
    """What was said in a run after an event; ``next_after`` is where to go on."""

    shape: Literal[2] = SHAPE
    run_id: str
    messages: tuple[RunMessage, ...]
    next_after: int
    has_more: bool


class ThreadRun(Shape):
    """One run of a conversation; with ``has_more`` the rest is among the run's own messages."""

    run_id: str
    agent: str
    status: RunStatus
    created_at: datetime
    messages: tuple[RunMessage, ...]
    next_after: int
    has_more: bool


class ThreadMessages(Shape):
    """A conversation, the newest run first; ``next`` is the cursor of those before."""

    shape: Literal[2] = SHAPE
    thread_id: str
    runs: tuple[ThreadRun, ...]
    next: str | None


class Checkpoint(Shape):
    """A safe point to go on from, before a call (``waiting_for_tool``) or after it.

    ``context_refs`` are what the model had seen, as kind:id. ``approval`` and ``idempotency_key``
    are those of the call, ``results`` what came of those that were closed, by their ids.
    """

    checkpoint_id: str
    run_id: str
    thread_id: str | None
    step: int | None
    status: str | None
    agent_decision: Json
    idempotency_key: str | None
    approval: Json
    context_refs: tuple[str, ...]
    resume_policy: Json
    results: Json
    state_hash: str
    seq: int
    created_at: datetime


class CheckpointPage(Shape):
    """Some checkpoints of a run in order; ``next_after`` is where to go on."""

    shape: Literal[2] = SHAPE
    run_id: str
    checkpoints: tuple[Checkpoint, ...]
    next_after: int
    has_more: bool


class Release(Shape):
    """What a name stands for: ``version`` None is nothing, and ``why`` says so.

    ``chosen`` says that it was released, for the tenant or for all, and is not just the newest.
    ``shared`` says that the version belongs to all tenants.
    """

    kind: str
    name: str
    version: str | None
    chosen: bool
    shared: bool
    digest: str | None
    position: int | None
    why: str


class ReleaseList(Shape):
    """What each name stands for, as the tenant sees it, at one position of the registry."""

    shape: Literal[2] = SHAPE
    position: int
    releases: tuple[Release, ...]


class ReleaseDecision(Shape):
    """What was decided about a name: released, retired, restored, withdrawn or aliased."""

    position: int
    action: str
    target: str | None
    shared: bool
    reason: str
    decided_at: datetime
    decided_by: str


class ReleaseHistory(Release):
    """What a name stands for, and what was decided about it, the latest first."""

    shape: Literal[2] = SHAPE
    decisions: tuple[ReleaseDecision, ...]


class Feedback(Shape):
    """What somebody said about a run: ``rating`` is 1 (bad) to 5 (good).

    ``correction`` is what the answer should have been, ``seq`` the event that it is about.
    """

    shape: Literal[2] = SHAPE
    feedback_id: str
    run_id: str
    user_id: str
    given_at: datetime
    rating: int | None
    text: str | None
    correction: str | None
    seq: int | None
    labels: dict[str, str]
    source: str


class FeedbackList(Shape):
    """What was said about a run, the oldest first; ``mean_rating`` is None where nobody rated."""

    shape: Literal[2] = SHAPE
    run_id: str
    feedback: tuple[Feedback, ...]
    mean_rating: float | None
