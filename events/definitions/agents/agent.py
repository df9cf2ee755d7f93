"""An agent: its instructions, its model, its tools and its limits."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from runfold.events.base import Money
from runfold.events.definitions.agents.brakes import Brakes
from runfold.events.definitions.agents.escalation import Declared, Escalations
from runfold.events.definitions.agents.flow import Flow
from runfold.events.definitions.agents.redaction import Redaction
from runfold.events.definitions.base import Definition, RetryPolicy
from runfold.events.values import Limits, Placement

UNUSABLE = "unusable"
"""The provider in the model of an agent that cannot be run; what stands after it says why."""


class ModelChoice(BaseModel):
    """The model an agent speaks to: ``provider:model`` names, in order of preference.

    ``context_tokens`` bounds what it is shown of a long run: what is pinned and the newest that
    fits, by an estimate of four bytes a token. Without it a model is shown everything.
    ``unpriced`` says whether a run with a limit of money goes on with a model whose price is not
    known. ``cheaper`` names the models that take its place where a soft limit of the tenant says
    so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    fallbacks: tuple[str, ...] = ()
    parameters: dict[str, Any] = Field(default_factory=dict)
    max_output_tokens: int | None = None
    timeout_ms: int = Field(default=60_000, ge=1)
    retry: RetryPolicy = RetryPolicy()
    placement: Placement = Placement.LOCAL
    reserve_usd: Money | None = None
    unpriced: Literal["refuse", "allow"] = Field(
        default="refuse", exclude_if=lambda chosen: chosen == "refuse"
    )
    context_tokens: int | None = Field(
        default=None, ge=1, le=2**31 - 1, exclude_if=lambda most: most is None
    )
    cheaper: tuple[str, ...] = Field(default=(), exclude_if=lambda named: not named)


class MoreAmounts(BaseModel):
    """How much more a run asks for at a time, for the limits that it may meet."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    usd: Money | None = Field(default=None, gt=0, le=10**12)
    tokens: int | None = Field(default=None, ge=1, le=10**12)
    tool_calls: int | None = Field(default=None, ge=1, le=10**12)
    model_calls: int | None = Field(default=None, ge=1, le=10**12)


class WhenSpent(BaseModel):
    """What a run does that meets one of its limits: end, ask a person, or ask its tenant for more.

    ``more`` is what it asks for, ``times`` how often it asks its tenant by itself. Where there is
    no tenant to ask, a person is asked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Literal["fail", "ask", "extend"]
    more: MoreAmounts = MoreAmounts()
    times: int = Field(default=1, ge=1, le=100)


class AgentDefinition(Definition):
    """An agent: its instructions, its model, the tools it may use and the limits it runs under.

    ``approval_from_level``: tools with ``approval: by_level`` need a person from this risk level
    up. ``max_malformed`` bounds how often an answer that cannot be used is handed back.
    ``ask_reasons``: the schemas of tools ask the model why it makes a call, which is recorded.
    ``redact``: what its models are shown tokens for; None is nothing.
    ``brakes``: what is done where its runs diverge, by the names of detectors [57].
    ``escalation``: who is asked next while a person does not decide, and what happens then [107].
    ``when_unavailable``: what becomes of a call whose tool is left alone after failures, by the
    tool's name; it waits where nothing is said [134].
    ``when_spent``: what a run does that meets a limit; it ends where nothing is said.
    ``input_schema`` is what whoever asks for a run gives as its goal, ``output_schema`` the result
    that it ends with: surfaces show and check them, runs do not.
    ``flow``: what its runs do is decided by these steps, and no model is called.
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
    # Left out where it is the default: the digests of agents without it must stay what they are.
    ask_reasons: bool = Field(default=True, exclude_if=lambda asked: asked is True)
    redact: Redaction | None = Field(default=None, exclude_if=lambda chosen: chosen is None)
    brakes: Brakes = Field(default_factory=dict, exclude_if=lambda declared: not declared)
    escalation: Declared = Field(
        default=Escalations(), exclude_if=lambda declared: not declared.declared()
    )
    when_unavailable: dict[str, Literal["skip", "fail", "wait"]] = Field(
        default_factory=dict, exclude_if=lambda declared: not declared
    )
    when_spent: WhenSpent | None = Field(default=None, exclude_if=lambda said: said is None)
    input_schema: dict[str, Any] | None = Field(default=None, exclude_if=lambda said: said is None)
    output_schema: dict[str, Any] | None = Field(default=None, exclude_if=lambda said: said is None)
    flow: Flow | None = Field(default=None, exclude_if=lambda said: said is None)
