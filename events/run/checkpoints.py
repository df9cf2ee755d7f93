"""Safe points to continue a run from."""

from __future__ import annotations

from runfold.events.base import Fact, Record, Said, SaidBytes
from runfold.events.traits import Tone, Traits
from runfold.events.values import Counters, Plan, RunStatus

__all__ = ["CallSummary", "CheckpointWritten", "ResumePolicy"]


class CallSummary(Record):
    """A tool call as a checkpoint holds it."""

    call_id: str
    tool: str
    status: str
    attempt: int
    idempotency_key: str
    approval: str
    arguments_digest: SaidBytes
    result_digest: SaidBytes | None = None


class ResumePolicy(Record):
    """Whether the work after a checkpoint may simply be done again."""

    safe_to_retry: bool
    max_attempts: int


class CheckpointWritten(Fact):
    """A safe point to continue from, written at every tool boundary [27, 28].

    ``completed`` lists the calls closed since the previous checkpoint; ``state_hash`` is the
    sha256 of the run's state in canonical form at this point.
    """

    traits = Traits(
        reads="checkpoint {step_number}",
        tone=Tone.QUIET,
        status=(RunStatus.PLANNING, RunStatus.WAITING_FOR_HUMAN),
        moment="step {step_number}",
    )

    checkpoint_id: str
    step_number: int
    goal_digest: SaidBytes
    context_digest: SaidBytes
    context_messages: int
    pending: tuple[CallSummary, ...]
    completed: tuple[CallSummary, ...]
    counters: Counters
    resume_policy: ResumePolicy
    state_hash: SaidBytes
    model_call_id: str | None = None
    decision_summary: Said | None = None
    plan: Plan | None = None
    artifact_refs: tuple[str, ...] = ()
    pending_memory_writes: tuple[str, ...] = ()
