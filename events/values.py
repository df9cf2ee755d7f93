"""The small records and enums that several kinds of events share."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from runfold.events.base import Money, Record, Said, Symbol, Timestamp
from runfold.events.contents.content import Content
from runfold.events.people.origin import Origin


class RunStatus(Symbol):
    """Where a run stands after an event [21]."""

    UNKNOWN = "unknown"
    CREATED = "created"
    QUEUED = "queued"
    PLANNING = "planning"
    WAITING_FOR_MODEL = "waiting_for_model"
    WAITING_FOR_TOOL = "waiting_for_tool"
    WAITING_FOR_HUMAN = "waiting_for_human"
    RUNNING_TOOL = "running_tool"
    CHECKPOINTING = "checkpointing"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED})


class ActorKind(Symbol):
    """Who caused an event."""

    UNKNOWN = "unknown"
    CLIENT = "client"
    PERSON = "person"
    MODEL = "model"
    TOOL = "tool"
    POLICY = "policy"
    TIMER = "timer"
    SYSTEM = "system"


class DataClassification(Symbol):
    """How sensitive the data of a run is [114]."""

    UNKNOWN = "unknown"
    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    RESTRICTED = "restricted"


class Placement(Symbol):
    """Where an effect runs: in the run processor's process, in a pool, or as a run of its own."""

    UNKNOWN = "unknown"
    LOCAL = "local"
    POOL = "pool"
    RUN = "run"


class Actor(Record):
    """Who or what acted."""

    kind: ActorKind
    id: str


class Label(Record):
    """A free key and value given by the requester."""

    key: str
    value: Said


class Pin(Record):
    """The exact definition a run uses: name, version and sha256 of its canonical JSON."""

    name: str
    version: str
    digest: bytes


class Limits(Record):
    """Hard limits of a run [55]; None means no limit of that kind."""

    max_model_calls: int | None = None
    max_tool_calls: int | None = None
    max_identical_calls: int | None = None
    max_reflections: int | None = None
    max_total_tokens: int | None = None
    max_cost: Money | None = None
    max_duration_ms: int | None = None
    # Left out where it is not set: the digests of agents without it must stay what they are.
    max_retries: int | None = Field(default=None, exclude_if=lambda most: most is None)


class Usage(Record):
    """Tokens of a model call; ``input_tokens`` includes cache reads and writes."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0


class PriceSnapshot(Record):
    """The prices that a cost was computed with, in US dollars per million tokens."""

    source: str
    model: str
    input_mtok: Money | None = None
    output_mtok: Money | None = None
    cache_read_mtok: Money | None = None
    cache_write_mtok: Money | None = None


class Attribution(Record):
    """Whom and what a cost belongs to, at the event itself [159]."""

    user_id: str
    agent: str
    agent_version: str
    prompt_version: str
    feature: str | None = None
    skill: str | None = None
    variant: str | None = None


class ErrorInfo(Record):
    """A failure in the normalised form [81]."""

    error_type: str
    message: Said
    retryable: bool
    retry_after_ms: int | None = None
    suggested_next_action: Said | None = None


class ProposedCall(Record):
    """A tool call as the model wrote it; ``problem`` says why it could not be understood."""

    id: str
    name: str
    arguments: Content
    problem: Said | None = None


class ModelAnswer(Record):
    """What a model answered, provider-neutral; ``opaque`` is kept verbatim for the next turn."""

    text: Content | None = None
    tool_calls: tuple[ProposedCall, ...] = ()
    opaque: Content | None = None
    finish_reason: str


class ProviderAttempt(Record):
    """One request to one provider within a model call; ``error_type`` is None if it answered."""

    model: str
    latency_ms: int
    error_type: str | None = None
    message: Said | None = None


class Redacted(Record):
    """How many different values of a kind a model was shown tokens for."""

    kind: str
    count: int


class Sign(Record):
    """How many passages of what strangers wrote give orders to a reader, by kind of sign."""

    kind: str
    count: int


class Attachment(Record):
    """A file or reference given with a request; ``untrusted``: it holds what strangers wrote."""

    name: Said
    content: Content
    untrusted: bool = False


class Position(Record):
    """The next offset to read of an input partition.

    ``topic_id`` is the id that the cluster gave to the topic: one that was created again has
    another. Empty where nobody noted it.
    """

    topic: str
    partition: int
    offset: int
    topic_id: str = ""


class PlanStep(Record):
    """One step of an explicit plan."""

    id: str
    description: Said
    status: Said
    tool: str | None = None


class Plan(Record):
    """An explicit, inspectable plan [49]."""

    plan_id: str
    steps: tuple[PlanStep, ...]


class Counters(Record):
    """What a run has used so far."""

    step: int = 0
    model_calls: int = 0
    tool_calls: int = 0
    retries: int = 0
    reflections: int = 0
    malformed_answers: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    unpriced_calls: int = 0
    cost: Money = Decimal(0)


class ExitUsage(Record):
    """What a whole run used; ``cost_usd`` leaves out calls without a price, which are counted."""

    total_tokens: int
    input_tokens: int
    output_tokens: int
    cost_usd: Money
    latency_ms: int
    model_calls: int
    tool_calls: int
    unpriced_calls: int = 0


class ExitStatus(Symbol):
    """How a run ended, as the completion signal says it [3]."""

    UNKNOWN = "unknown"
    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"


class Exit(Record):
    """The deterministic completion signal [3, 5]; exit codes are listed in docs/guarantees.md."""

    status: ExitStatus
    exit_code: int
    signal: str
    payload: Content
    usage: ExitUsage


class RunRequest(Record):
    """What a requester asks for; the body of ``RunRequested``, pinned again in ``RunCreated``."""

    run_id: str
    tenant_id: str
    user_id: str
    agent: str
    goal: Content
    requested_at: Timestamp
    agent_version: str | None = None
    attachments: tuple[Attachment, ...] = ()
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    limits: Limits | None = None
    data_classification: DataClassification = DataClassification.INTERNAL
    response_profile: str | None = None
    region: str | None = None
    labels: tuple[Label, ...] = ()
    feature: str | None = None
    priority: int = 0
    thread_id: str | None = None
    parent_run_id: str | None = None
    root_run_id: str | None = None
    parent_call_id: str | None = None
    variant: str | None = None
    source: str | None = None
    deadline: Timestamp | None = None
    origin: Origin | None = None
