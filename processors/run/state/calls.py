"""Calls that are open: to a model, to a tool, to a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from runfold.events.content import Content


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
class Proposal:
    """What the model asked for; a person may have edited the arguments."""

    call_id: str
    provider_call_id: str
    tool: str
    tool_version: str
    arguments: Content
    risk_level: int
    idempotency_key: str


@dataclass(frozen=True)
class Call:
    """A call of the current round; ``reply`` is what the model will read as its answer.

    ``due`` is the deadline of the state it is in: of the approval, of the retry's pause, or of
    the handing out.
    """

    proposal: Proposal
    status: CallStatus
    attempt: int = 0
    approval: str = "not_required"
    due: datetime | None = None
    reply: Content | None = None
    is_error: bool = False
    result_digest: bytes | None = None
    pooled: bool = False

    @property
    def call_id(self) -> str:
        """The call's id: ``run_id.n``."""
        return self.proposal.call_id

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


@dataclass(frozen=True)
class ModelCall:
    """The model call that is out, or held until ``due`` before its next attempt."""

    call_id: str
    attempt: int
    pooled: bool
    due: datetime
    held: bool = False
