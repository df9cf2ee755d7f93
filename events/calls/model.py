"""A model call: what is asked of a model processor, and what it reports."""

from __future__ import annotations

from typing import ClassVar

from runfold.events.base import Money, Record, Symbol
from runfold.events.calls.base import CallResult, CallWork, Outcome
from runfold.events.contents.content import Content
from runfold.events.values import (
    Attachment,
    Attribution,
    DataClassification,
    ErrorInfo,
    ModelAnswer,
    PriceSnapshot,
    ProposedCall,
    ProviderAttempt,
    Redacted,
    Usage,
)


class Role(Symbol):
    """Who speaks in a model's context."""

    UNKNOWN = "unknown"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class Message(Record):
    """One message of a model's context; ``call_id`` is the provider's id of the answered call."""

    role: Role
    content: Content | None = None
    tool_calls: tuple[ProposedCall, ...] = ()
    opaque: Content | None = None
    call_id: str | None = None
    is_error: bool = False


class ToolSchema(Record):
    """A tool as a model sees it; ``input_schema`` is JSON Schema text."""

    name: str
    description: str
    input_schema: str


class ModelWork(CallWork):
    """One model call to make; ``attempt`` counts from 1.

    The model is shown ``messages``, or the transcript document ``context`` where there is one, and
    with the first of them, the goal, the ``attachments`` of the request. ``redact`` names the kinds
    of data that it is shown tokens for, ``taint`` the tools whose results hold strangers' words.
    ``profile`` is what it is told, after its instructions, of how its answers are given.
    """

    run_id: str
    tenant_id: str
    call_id: str
    attempt: int
    model: str
    fallbacks: tuple[str, ...]
    instructions: Content
    messages: tuple[Message, ...]
    tools: tuple[ToolSchema, ...]
    timeout_ms: int
    attribution: Attribution
    data_classification: DataClassification
    traceparent: str
    parameters: str = "{}"
    max_output_tokens: int | None = None
    context: Content | None = None
    attachments: tuple[Attachment, ...] = ()
    by_permission: bool = False
    redact: tuple[str, ...] = ()
    taint: tuple[str, ...] = ()
    profile: str = ""


class ModelResult(CallResult):
    """What came of a model call: ``answer`` on success, ``error`` otherwise.

    ``redacted`` says of what kinds the model was shown tokens; the answer has the words again.
    ``exposed`` says how many different values of these kinds the answer holds, in words.
    ``tenant_id`` says in whose book it belongs where its run has ended.
    """

    contents: ClassVar[tuple[str, ...]] = ("answer",)

    run_id: str
    call_id: str
    attempt: int
    outcome: Outcome
    model: str
    provider: str
    latency_ms: int
    answer: ModelAnswer | None = None
    usage: Usage | None = None
    cost: Money | None = None
    price: PriceSnapshot | None = None
    error: ErrorInfo | None = None
    attempts: tuple[ProviderAttempt, ...] = ()
    time_to_first_token_ms: int | None = None
    response_id: str | None = None
    queued_ms: int | None = None
    redacted: tuple[Redacted, ...] = ()
    exposed: tuple[Redacted, ...] = ()
    tenant_id: str = ""
