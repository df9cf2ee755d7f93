"""What a tenant may use at a time and in a period; on the wire its kind is ``tenant_policy``."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from runfold.events.definitions.base import Definition
from runfold.events.definitions.levels import LEVELS
from runfold.events.definitions.tool import RISKS, RiskName

Scope = Literal["tenant", "user", "agent", "feature"]
"""Whose use is counted: all of the tenant, or that of each user, agent or feature."""

Unit = Literal["usd", "tokens", "runs", "tool_calls"]
"""What a budget counts; money is in US dollars."""

Period = Literal["hour", "day", "month"]
"""How long a budget lasts, in UTC."""

AtSoft = Literal["alert", "cheaper_models", "throttle"]
"""What follows where a soft limit is reached; the alert is on record whatever is said."""

IN_FORCE = "default"
"""The name of the policy that is in force: the tenant's own one, else the shared one."""


_MOST = 10**12
"""The largest amount of any unit: what adds up to more than money on the wire can be."""

_LONGEST_MS = 10 * 365 * 86_400_000

_LONGEST_PACE_MS = 3_600_000

MOST_STARTS = 100_000
"""The highest rate: what lies above it is no limit."""

Weight = Annotated[int, Field(ge=1, le=1000)]

EvidenceDays = Annotated[int, Field(ge=0, le=36_500)]


class Cap(BaseModel):
    """How many runs of one scope may run at a time; without a name, each one's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: Scope
    name: str | None = None
    running: int = Field(ge=1)


class Budget(BaseModel):
    """How much of a unit may be used in a period; without a name, by each one of the scope.

    ``soft`` is the use from which an alert is on record and ``at_soft`` follows: runs that begin
    take a cheaper model of their agent, and begin at most one in ``throttle_ms``. A run that
    ``limit`` leaves no room for waits for the next period, or is refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: Scope
    name: str | None = None
    unit: Unit = "usd"
    period: Period
    limit: Decimal = Field(ge=0, le=_MOST)
    soft: Decimal | None = Field(default=None, ge=0, le=_MOST)
    when_spent: Literal["queue", "refuse"] = "queue"
    at_soft: tuple[AtSoft, ...] = Field(default=(), max_length=3, exclude_if=lambda said: not said)
    throttle_ms: int | None = Field(
        default=None, ge=1, le=_LONGEST_PACE_MS, exclude_if=lambda pause: pause is None
    )


class Rate(BaseModel):
    """How many runs of one scope may start in a minute or an hour; without a name, each one's.

    ``burst`` of them may start at once, all of them where nothing is said; the others follow one
    by one. A run that comes too early waits, or is refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: Scope
    name: str | None = None
    per: Literal["minute", "hour"]
    runs: int = Field(ge=1, le=MOST_STARTS)
    burst: int | None = Field(default=None, ge=1, le=MOST_STARTS)
    when_spent: Literal["queue", "refuse"] = "queue"


class RunRates(BaseModel):
    """How many calls each single run may make in a minute."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model_calls: int | None = Field(default=None, ge=1, le=MOST_STARTS)
    tool_calls: int | None = Field(default=None, ge=1, le=MOST_STARTS)


class Retries(BaseModel):
    """How often calls of the tenant's runs may be made again in a period.

    That is ``least``, and ``percent`` of the calls that were made. A run gets ``per_run`` of it
    when it begins, or its own limit where it has one, and what is left where there is less.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    period: Period
    percent: int = Field(ge=0, le=1000)
    least: int = Field(default=10, ge=0, le=10**9)
    per_run: int = Field(default=10, ge=1, le=10**6)


class Amounts(BaseModel):
    """What is set aside for a run that has no limit of its own for a unit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    usd: Decimal | None = Field(default=None, gt=0, le=_MOST)
    tokens: int | None = Field(default=None, ge=1, le=_MOST)
    tool_calls: int | None = Field(default=None, ge=1, le=_MOST)


class TenantPolicy(Definition):
    """The rules by which runs of a tenant are admitted.

    ``weights`` are shares of users and agents by name; whom they do not name has 1. A run counts
    twice as much for every step of its priority, up to ``max_priority``. ``queue_retry_ms`` is what
    a run is told that the full queue refuses. ``when_run_spent`` says what becomes of a run that
    has met a limit of its own, where its agent says nothing. ``evidence_days`` says how long the
    contents of runs with calls of a level are kept at least after their end, where the tenant needs
    more than the level does, or less.
    """

    description: str = ""
    caps: tuple[Cap, ...] = ()
    queue_size: int = Field(default=1000, ge=0, le=10_000)
    queue_timeout_ms: int | None = Field(default=None, ge=1, le=_LONGEST_MS)
    user_weights: dict[str, Weight] = Field(default_factory=dict)
    agent_weights: dict[str, Weight] = Field(default_factory=dict)
    max_priority: int = Field(default=3, ge=0, le=10)
    budgets: tuple[Budget, ...] = ()
    run_amounts: Amounts = Amounts()
    # Left out where nothing is said: the digests of policies without them must stay what they are.
    queue_retry_ms: int | None = Field(
        default=None, ge=1, le=_LONGEST_MS, exclude_if=lambda said: said is None
    )
    rates: tuple[Rate, ...] = Field(default=(), exclude_if=lambda said: not said)
    run_rates: RunRates | None = Field(default=None, exclude_if=lambda said: said is None)
    retries: Retries | None = Field(default=None, exclude_if=lambda said: said is None)
    when_run_spent: Literal["fail", "ask"] = Field(
        default="fail", exclude_if=lambda said: said == "fail"
    )
    evidence_days: dict[RiskName, EvidenceDays] = Field(
        default_factory=dict, exclude_if=lambda said: not said
    )


def evidence_days(policy: TenantPolicy | None) -> tuple[int, ...]:
    """Return by level how many days evidence is kept at least, under a policy or none."""
    said = policy.evidence_days if policy is not None else {}
    return tuple(said.get(RISKS[each.number], each.kept_days) for each in LEVELS)
