"""Calls that are open: to a model, for a context, to a tool, to a person.

Every kind has the same life, so there is one way of retry, time-out and late result:

    PROPOSED ──▶ APPROVED ──▶ RUNNING ──▶ CLOSED
       └─▶ AWAITING_APPROVAL    │  ▲ └──▶ UNCERTAIN (only where nobody can know)
                                ▼  │
                               HELD (until its next attempt, after a failure or without a try)

RUNNING is handed out; whether it has begun, ``beginning`` says of calls in pools.

Calls to a model and for a context are decided by the run itself and begin where they run.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from runfold.events.calls import PolicyQuestion
from runfold.events.calls.kinds import CONTEXT, MODEL, POLICY, TOOL
from runfold.events.contents.content import Content
from runfold.events.traits import DRY_RUN, JUDGE
from runfold.processors.run.state.consent import NO_CONSENT, Consent


class CallStatus(StrEnum):
    """Where an open call stands."""

    PROPOSED = "proposed"
    AWAITING_APPROVAL = "awaiting_approval"
    ASKED = "asked"
    APPROVED = "approved"
    HELD = "held"
    RUNNING = "running"
    UNCERTAIN = "uncertain"
    CLOSED = "closed"


WAITS_FOR_HUMAN = frozenset({CallStatus.AWAITING_APPROVAL, CallStatus.ASKED, CallStatus.UNCERTAIN})


@dataclass(frozen=True)
class Child:
    """The run that makes a call: its id, and how many tokens it was given; 0 for no limit.

    ``cancelled`` says that it was told to end.
    """

    run_id: str
    max_tokens: int = 0
    cancelled: bool = False


@dataclass(frozen=True)
class Beginning:
    """What is known of the beginning of a call, from behaviour 6 on.

    ``by`` are those who were told that the attempt that is out may begin, one after another's
    death; ``handed_out`` counts how often it was handed out, ``held`` the attempts before it that
    could not begin. ``timeout_ms`` is how long an attempt may take from its beginning. ``child`` is
    the run that makes it, where one does.
    """

    by: tuple[str, ...] = ()
    handed_out: int = 0
    held: int = 0
    timeout_ms: int = 0
    child: Child | None = None


@dataclass(frozen=True)
class OpenCall:
    """What every kind of call has; ``kind`` is a name of ``events.calls.kinds``.

    ``due`` is the deadline of the state it is in: of the approval, of the retry's pause, or of
    the handing out. ``pooled`` says that its work went to a pool and not to this process.
    """

    kind: ClassVar[str]
    answers_model: ClassVar[bool] = False
    """Whether the model proposed it, and reads what came of it."""

    call_id: str
    status: CallStatus = CallStatus.RUNNING
    attempt: int = 0
    due: datetime | None = None
    pooled: bool = False
    beginning: Beginning = Beginning()
    judged_by: bytes | None = None
    """The digest of the policies that the call was judged by last; None where none judged it."""

    @property
    def tries(self) -> int:
        """How many attempts were made, the one that is out included."""
        return self.attempt - self.beginning.held


@dataclass(frozen=True)
class ModelCall(OpenCall):
    """A call to the model that the run has pinned; ``fallbacks`` may answer in its place."""

    kind = MODEL.name

    fallbacks: tuple[str, ...] = ()


@dataclass(frozen=True)
class ContextCall(OpenCall):
    """A selection of what the model will see, within ``budget_tokens``."""

    kind = CONTEXT.name

    budget_tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class PolicyCall(OpenCall):
    """Policy servers are asked about a proposed call, which begins only after their answers.

    ``about`` is that call's id; where no answer comes it is held, or denied where ``denies`` says
    so.
    """

    kind = POLICY.name

    about: str
    questions: tuple[PolicyQuestion, ...]
    input: Content
    denies: bool


@dataclass(frozen=True, kw_only=True)
class JudgeCall(OpenCall):
    """A call that asks a model how far the run has drifted from its goal."""

    kind = JUDGE

    model: str


@dataclass(frozen=True, kw_only=True)
class DryRunCall(OpenCall):
    """A call that tries the proposed call ``of`` without an effect; its work is a tool's."""

    kind = DRY_RUN

    of: str
    tool: str
    tool_version: str
    arguments: Content


@dataclass(frozen=True)
class Proposal:
    """What the model asked for; a person may have edited the arguments.

    ``by_brake`` says that no model did: a brake asks a person, whose answer is a message.
    ``dry_run`` is what its dry run said it would do.
    """

    provider_call_id: str
    tool: str
    tool_version: str
    arguments: Content
    risk_level: int
    idempotency_key: str
    by_brake: bool = False
    dry_run: Content | None = None


@dataclass(frozen=True, kw_only=True)
class RoundCall(OpenCall):
    """A call that a model proposed: to a tool, to a person, or to the run itself.

    ``reply`` is what the model will read as its answer.
    """

    kind = TOOL.name
    answers_model = True

    proposal: Proposal
    reply: Content | None = None
    is_error: bool = False
    result_digest: bytes | None = None
    consent: Consent = NO_CONSENT

    @property
    def child(self) -> Child | None:
        """The run that makes the attempt that is out, where one does."""
        return self.beginning.child

    @property
    def approval(self) -> str:
        """Whether a person was asked: ``not_required``, ``pending``, ``approved`` or ``denied``."""
        return self.consent.approval

    @property
    def provider_call_id(self) -> str:
        """The id by which the model's provider knows it."""
        return self.proposal.provider_call_id

    @property
    def tool(self) -> str:
        """The tool's name."""
        return self.proposal.tool

    @property
    def tool_version(self) -> str:
        """The pinned version of the tool; empty where no tool has that name."""
        return self.proposal.tool_version

    @property
    def arguments(self) -> Content:
        """The arguments that will be used."""
        return self.proposal.arguments

    @property
    def risk_level(self) -> int:
        """How dangerous the tool is, 0 to 5."""
        return self.proposal.risk_level

    @property
    def idempotency_key(self) -> str:
        """What every attempt of the call is claimed under."""
        return self.proposal.idempotency_key
