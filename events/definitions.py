"""What a run is made of: agents and tools as they are declared, pinned and published.

These are the bodies of ``DefinitionPublished``: plain data, canonical JSON, identified by the
sha256 of that JSON. The manifests that people write are lowered to them in ``surfaces``.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from runfold.events.base import Money
from runfold.events.content import canonical_json
from runfold.events.values import Limits, Placement


class Definition(BaseModel):
    """Something with a name and a version whose content never changes under that version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str

    def body(self) -> str:
        """Return the canonical JSON that is published."""
        return canonical_json(self.model_dump(mode="json"))

    def digest(self) -> bytes:
        """Return the sha256 of the body."""
        return hashlib.sha256(self.body().encode()).digest()


class RetryPolicy(BaseModel):
    """Bounded attempts with exponential back-off; ``max_attempts`` counts the first one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_attempts: int = Field(default=3, ge=1, le=20)
    initial_ms: int = Field(default=500, ge=0)
    multiplier: float = Field(default=2.0, ge=1.0)
    max_ms: int = Field(default=30_000, ge=0)

    def delay_ms(self, attempt: int) -> int:
        """Return the pause in milliseconds before attempt ``attempt`` (2 is the first retry)."""
        return int(min(self.max_ms, self.initial_ms * self.multiplier ** max(0, attempt - 2)))


Approval = Literal["by_level", "never", "always"]


class ToolContract(Definition):
    """Everything the runtime must know of a tool before it lets a model near it [78].

    ``risk_level``: 0 pure read, 1 local write, 2 external draft, 3 external side effect,
    4 high risk [92]. ``implementation`` is ``builtin:<name>`` or ``python:<module>:<function>``;
    ``config`` is its own setting (a root folder, an allow-list of domains). ``idempotent`` says
    that running it twice with one key has the effect of running it once. ``cost_usd`` is what one
    execution costs, None where none is kept account of.
    """

    description: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any] | None = None
    risk_level: int = Field(default=0, ge=0, le=4)
    timeout_ms: int = Field(default=30_000, ge=1)
    retry: RetryPolicy = RetryPolicy()
    idempotent: bool = False
    approval: Approval = "by_level"
    approval_timeout_ms: int | None = None
    placement: Placement = Placement.POOL
    implementation: str
    config: dict[str, Any] = Field(default_factory=dict)
    auth: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    max_concurrency: int | None = Field(default=None, ge=1)
    max_result_bytes: int = Field(default=256_000, ge=1)
    owner: str = ""
    # Left out where not given: the digests of contracts without them must stay what they are.
    cost_usd: Money | None = Field(default=None, ge=0, exclude_if=lambda cost: cost is None)
    max_per_minute: int | None = Field(default=None, ge=1, exclude_if=lambda rate: rate is None)

    @property
    def claims(self) -> bool:
        """Whether its executions are claimed in Postgres first: everything above level 0."""
        return self.risk_level >= 1

    @property
    def safe_to_repeat(self) -> bool:
        """Whether running it again after an unknown outcome does no harm."""
        return self.idempotent or self.risk_level == 0


class ModelChoice(BaseModel):
    """The model an agent speaks to: ``provider:model`` names, in order of preference."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    fallbacks: tuple[str, ...] = ()
    parameters: dict[str, Any] = Field(default_factory=dict)
    max_output_tokens: int | None = None
    timeout_ms: int = Field(default=60_000, ge=1)
    retry: RetryPolicy = RetryPolicy()
    placement: Placement = Placement.LOCAL
    reserve_usd: Money | None = None


class AgentDefinition(Definition):
    """An agent: its instructions, its model, the tools it may use and the limits it runs under.

    ``approval_from_level``: tools with ``approval: by_level`` need a person from this risk level
    up. ``max_malformed`` bounds how often an answer that cannot be used is handed back.
    """

    description: str = ""
    instructions: str
    prompt_version: str
    model: ModelChoice
    tools: tuple[str, ...] = ()
    limits: Limits = Limits(
        max_model_calls=50, max_tool_calls=100, max_identical_calls=5, max_duration_ms=3_600_000
    )
    approval_from_level: int = Field(default=1, ge=0, le=5)
    autonomy: str = "supervised"
    max_malformed: int = Field(default=3, ge=0)
    labels: dict[str, str] = Field(default_factory=dict)


class PlaybookTurn(BaseModel):
    """One answer of the scripted model: text and tool calls, or an error to raise.

    ``when`` is an optional condition on the context (see docs/definitions.md); ``calls`` are
    ``{name, arguments}``; strings may use ``{{ … }}`` to quote the goal and earlier results.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: dict[str, Any] | None = None
    text: str | None = None
    calls: tuple[dict[str, Any], ...] = ()
    error: dict[str, Any] | None = None
    delay_ms: int = 0
    usage: dict[str, int] | None = None


class Playbook(Definition):
    """A deterministic script that stands in for a model; always shown as scripted."""

    description: str = ""
    turns: tuple[PlaybookTurn, ...]


KINDS: dict[str, type[Definition]] = {
    "agent": AgentDefinition,
    "tool": ToolContract,
    "playbook": Playbook,
}
"""The kinds of definitions by the name they carry on the wire."""


def key_of(kind: str, name: str, version: str) -> str:
    """Return the registry key of a definition."""
    return f"{kind}/{name}@{version}"
