"""What is known of a run after folding its events: frozen data, nothing else.

    (none) ── RunCreated ──▶ Live ── RunCompleted | RunFailed | RunCancelled ──▶ Ended
       └───── RunRefused ─────────────────────────────────────────────────────────┘

A live run goes round in turns: the context is hydrated, a model is called, its answer opens a
round of calls, every call comes to a reply, the next context takes the replies in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeVar

from runfold.events.calls import Message
from runfold.events.content import Content
from runfold.events.run import CallSummary, DecisionRecord
from runfold.events.traits import Charge
from runfold.events.trusted import trusted
from runfold.events.values import Counters, Limits, Pin, Plan, RunRequest, RunStatus

T = TypeVar("T")


def changed(value: T, **changes: Any) -> T:
    """Return a copy of a frozen dataclass of this module with some fields changed.

    ``dataclasses.replace`` runs the whole initialiser, which is most of the time of a fold; this
    copies the fields as they are.
    """
    copy = object.__new__(type(value))
    object.__setattr__(copy, "__dict__", value.__dict__ | changes)
    return copy


class CallStatus(StrEnum):
    """Where one call of the current round stands."""

    PROPOSED = "proposed"
    AWAITING_APPROVAL = "awaiting_approval"
    ASKED = "asked"
    APPROVED = "approved"
    HELD = "held"
    RUNNING = "running"
    UNCERTAIN = "uncertain"
    FAILING = "failing"
    CLOSED = "closed"


WAITS_FOR_HUMAN = frozenset({CallStatus.AWAITING_APPROVAL, CallStatus.ASKED, CallStatus.UNCERTAIN})


@dataclass(frozen=True)
class Call:
    """A call of the current round; ``reply`` is what the model will be told of it.

    ``due`` is the deadline of the state it is in: of the approval, of the retry's pause, or of
    the handing out.
    """

    call_id: str
    provider_call_id: str
    tool: str
    tool_version: str
    arguments: Content
    risk_level: int
    idempotency_key: str
    status: CallStatus
    attempt: int = 0
    approval: str = "not_required"
    due: datetime | None = None
    reply: Content | None = None
    is_error: bool = False
    result_digest: bytes | None = None
    pooled: bool = False


@dataclass(frozen=True)
class Used:
    """What a run has used so far; the counters that checkpoints and exit records show."""

    step: int = 0
    model_calls: int = 0
    tool_calls: int = 0
    retries: int = 0
    reflections: int = 0
    malformed_answers: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    unpriced_calls: int = 0
    cost: Decimal = Decimal(0)

    def plus(self, field: str, more: int = 1) -> Used:
        """Return the counters with one of them advanced."""
        return changed(self, **{field: getattr(self, field) + more})

    def charged(self, charge: Charge) -> Used:
        """Return the counters with what was paid for added; what has no price is counted."""
        return changed(
            self,
            input_tokens=self.input_tokens + charge.usage.input_tokens,
            output_tokens=self.output_tokens + charge.usage.output_tokens,
            unpriced_calls=self.unpriced_calls + (charge.cost is None),
            cost=self.cost + (charge.cost or 0),
        )

    def record(self) -> Counters:
        """Return the counters as events carry them."""
        return trusted(Counters)(**self.__dict__)


@dataclass(frozen=True)
class ModelCall:
    """The model call that is out, or held until ``due`` before its next attempt."""

    call_id: str
    attempt: int
    pooled: bool
    due: datetime
    held: bool = False
    reserved: Decimal = Decimal(0)


@dataclass(frozen=True)
class Context:
    """What the model sees: messages in order, with a rolling digest over all of them."""

    instructions: Content | None = None
    messages: tuple[Message, ...] = ()
    digest: bytes = bytes(32)
    token_estimate: int = 0


@dataclass(frozen=True)
class Waiting:
    """Something said to the run that its context has not taken in yet."""

    id: str
    kind: str
    content: Content


@dataclass(frozen=True)
class Live:
    """A run that has begun and not ended.

    Of attempts, by ``ids.outcome_of``: ``settled`` are those whose effect is known, ``doubted``
    those that may have had one, and ``lost`` those that ended without a cost, with the tool or the
    model that was called: their result may still come, and with it what it cost.
    """

    status: RunStatus
    tenant_id: str
    traceparent: str
    request: RunRequest
    agent: Pin
    tools: tuple[Pin, ...]
    prompt_version: str
    model: str
    limits: Limits
    created_at: datetime
    behaviour: int = 1
    counters: Used = Used()
    context: Context = Context()
    inbox: tuple[Waiting, ...] = ()
    calls: tuple[Call, ...] = ()
    model_call: ModelCall | None = None
    answered_by: str | None = None
    decision: DecisionRecord | None = None
    closed: tuple[CallSummary, ...] = ()
    artifacts: tuple[str, ...] = ()
    repeats: Mapping[bytes, int] = field(default_factory=lambda: MappingProxyType({}))
    controls: frozenset[str] = frozenset()
    settled: frozenset[str] = frozenset()
    doubted: frozenset[str] = frozenset()
    lost: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    plan: Plan | None = None
    next_call: int = 1
    malformed: int = 0
    started: bool = False
    paused: bool = False
    idle_since: datetime | None = None
    idle: timedelta = timedelta(0)
    reserved: Decimal = Decimal(0)
    dearest_call: Decimal = Decimal(0)

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.request.run_id

    def call(self, call_id: str) -> Call | None:
        """Return the call of the current round with this id."""
        return next((call for call in self.calls if call.call_id == call_id), None)


@dataclass(frozen=True)
class Ended:
    """A run that has ended; the engine forgets it and remembers only its id for a while."""

    status: RunStatus
    tenant_id: str
    traceparent: str


RunState = Live | Ended
