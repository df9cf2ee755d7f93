"""A tool call from proposal to result, with the decisions that allowed it."""

from __future__ import annotations

from runfold.events.base import Fact, Money, Record, Symbol, Timestamp
from runfold.events.content import Content
from runfold.events.values import (
    Attribution,
    Counters,
    ErrorInfo,
    Placement,
    Plan,
    PriceSnapshot,
    Usage,
)


class ToolCallProposed(Fact):
    """The model asked for a tool; a proposal, not yet a call [79, 80]."""

    call_id: str
    model_call_id: str
    provider_call_id: str
    tool: str
    tool_version: str
    arguments: Content
    reason: str
    risk_level: int
    idempotency_key: str


class PolicyEffect(Symbol):
    """What a policy decided."""

    UNKNOWN = "unknown"
    PERMIT = "permit"
    FORBID = "forbid"


class PolicyDecided(Fact):
    """A policy permitted or forbade an action before it was taken [102, 106]."""

    effect: PolicyEffect
    policy_ids: tuple[str, ...]
    policy_digest: bytes
    principal: str
    action: str
    resource: str
    reason: str
    call_id: str | None = None
    obligations: tuple[str, ...] = ()


class ApprovalRequested(Fact):
    """A person must decide on a proposed call [107]; ``deadline`` None waits for ever."""

    call_id: str
    tool: str
    question: str
    arguments_digest: bytes
    risk_level: int
    deadline: Timestamp | None = None


class ToolCallApproved(Fact):
    """A call may run, by policy or by a person, who may have edited its arguments."""

    call_id: str
    arguments: Content | None = None
    request_id: str | None = None
    comment: str | None = None


class ToolCallDenied(Fact):
    """A call may not run; the model is told why."""

    call_id: str
    reason: str
    request_id: str | None = None


class ToolCallStarted(Fact):
    """A call was handed to a tool processor: from here on it may have happened."""

    call_id: str
    attempt: int
    tool: str
    placement: Placement
    idempotency_key: str
    timeout_ms: int


class ToolCallSucceeded(Fact):
    """A tool answered; ``repeated`` says the answer came from an earlier execution's claim."""

    call_id: str
    attempt: int
    tool: str
    result: Content
    latency_ms: int
    attribution: Attribution
    repeated: bool = False
    cost: Money | None = None
    request_id: str | None = None


class ToolCallFailed(Fact):
    """A tool failed, and certainly without an effect that counts, or its tool is idempotent."""

    call_id: str
    attempt: int
    tool: str
    error: ErrorInfo
    latency_ms: int
    attribution: Attribution
    cost: Money | None = None
    request_id: str | None = None


class ToolCallUncertain(Fact):
    """A side effect may or may not have happened; the run stops until somebody knows."""

    call_id: str
    attempt: int
    tool: str
    reason: str
    latency_ms: int = 0
    cost: Money | None = None
    attribution: Attribution | None = None


class LateAnswer(Record):
    """What a model's answer used that came too late; its words are kept nowhere."""

    model: str
    provider: str
    usage: Usage
    price: PriceSnapshot | None = None


class LateResultNoted(Fact):
    """A result came for an attempt that was no longer open, and tells of a side effect or a cost.

    Of a tool's result ``tool`` is named, of a model's ``answer`` says what it used. ``cost`` is
    what nothing else on the run's record says of that attempt.
    """

    call_id: str
    attempt: int
    outcome: str
    result: Content | None = None
    error: ErrorInfo | None = None
    tool: str | None = None
    answer: LateAnswer | None = None
    cost: Money | None = None
    attribution: Attribution | None = None


class CallSummary(Record):
    """A tool call as a checkpoint holds it."""

    call_id: str
    tool: str
    status: str
    attempt: int
    idempotency_key: str
    approval: str
    arguments_digest: bytes
    result_digest: bytes | None = None


class ResumePolicy(Record):
    """Whether the work after a checkpoint may simply be done again."""

    safe_to_retry: bool
    max_attempts: int


class CheckpointWritten(Fact):
    """A safe point to continue from, written at every tool boundary [27, 28].

    ``completed`` lists the calls closed since the previous checkpoint; ``state_hash`` is the
    sha256 of the run's state in canonical form at this point.
    """

    checkpoint_id: str
    step_number: int
    goal_digest: bytes
    context_digest: bytes
    context_messages: int
    pending: tuple[CallSummary, ...]
    completed: tuple[CallSummary, ...]
    counters: Counters
    resume_policy: ResumePolicy
    state_hash: bytes
    model_call_id: str | None = None
    decision_summary: str | None = None
    plan: Plan | None = None
    artifact_refs: tuple[str, ...] = ()
    pending_memory_writes: tuple[str, ...] = ()


class MemoryWriteProposed(Fact):
    """The agent proposed to remember something [71]."""

    memory_id: str
    memory_type: str
    scope: str
    subject: str
    content: Content
    confidence: float = 0.0
    requires_user_confirmation: bool = False


class MemoryWriteCommitted(Fact):
    """A proposed memory was stored."""

    memory_id: str


class MemoryWriteRejected(Fact):
    """A proposed memory was not stored."""

    memory_id: str
    reason: str
