"""The contract of a tool."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from runfold.events.base import Money
from runfold.events.definitions.base import Definition, RetryPolicy
from runfold.events.definitions.levels import LEVELS
from runfold.events.values import Placement

Approval = Literal["by_level", "never", "always"]

RiskName = Literal[
    "read_only", "local_write", "external_draft", "external_side_effect", "high_risk"
]

RISKS: tuple[RiskName, ...] = (
    "read_only",
    "local_write",
    "external_draft",
    "external_side_effect",
    "high_risk",
)
"""The names of the risk levels, in the order of their numbers."""

UNDECLARED = 3
"""The level of a tool whose author says none: dangerous until somebody says otherwise."""

MOST_SLOTS = 1000
"""The largest bound across processes: each of its slots may become a row."""

SERVER_NAME = r"^[a-z0-9][a-z0-9_.-]{0,63}$"
"""How a server is named; metrics show it."""

_STRANGERS = frozenset({"builtin:http.get"})


def level_of(said: Any) -> Any:
    """Return the number of a named risk level; anything else as it is."""
    return RISKS.index(said) if said in RISKS else said


class ResourceOf(BaseModel):
    """What a call is about, for policies: an entity of ``type`` that one of its arguments names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str = Field(pattern=r"^[A-Z][A-Za-z0-9_]{0,63}$")
    argument: str


class CallPolicy(BaseModel):
    """As what a tool's calls are authorised: an action on the resource that the arguments name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: str = Field(pattern=r"^[a-z][a-z0-9_.-]{0,63}$")
    resource: ResourceOf


class DryRun(BaseModel):
    """How a call is tried without an effect: an argument that says so, or another tool.

    ``argument`` names a boolean of the input schema that is set to true; ``tool`` a pure read that
    takes the same arguments and that the agent has too. ``first``: ``by_level`` tries calls from
    the level on from which it is the default, ``always`` every call.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    argument: str | None = Field(default=None, min_length=1)
    tool: str | None = Field(default=None, min_length=1)
    first: Literal["by_level", "always"] = "by_level"

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.argument is None) == (self.tool is None):
            raise ValueError("name the argument that makes a call a dry run, or another tool")
        return self


class ToolContract(Definition):
    """Everything the runtime must know of a tool before it lets a model near it [78].

    ``risk_level``: 0 pure read, 1 local write, 2 external draft, 3 external side effect,
    4 high risk [92], by number or name; a tool that declares none has level 3.
    ``implementation`` is ``builtin:<name>`` or ``python:<module>:<function>``;
    ``config`` is its own setting (a root folder, an allow-list of domains). ``idempotent`` says
    that running it twice with one key has the effect of running it once. ``code_digest`` names the
    code of a Python tool and what it stands on, None where it is not known. ``cost_usd`` is what
    one execution costs, None where none is kept account of. ``max_concurrency`` bounds what runs at
    a time in each process, ``max_concurrency_total`` what runs in all tool pools together, all
    versions of one owner's tool; ``max_per_minute`` and ``max_per_minute_total`` bound what begins
    in a minute likewise. ``effect`` and ``reversible`` say to whoever
    approves a call what it changes in the world, and whether that can be undone.
    ``untrusted_output`` says whether its results hold what strangers wrote; None is what is known
    of the implementation (``reads_strangers``). ``environment`` and ``data_class`` are for
    policies, as are ``policy``, as what calls are authorised, and ``policy_arguments``, the
    arguments that policies may look at. ``dry_run`` says how a call is tried without an effect.
    ``server`` names the service that it calls, which it may share with other tools of its owner:
    where several of them fail it is left alone as one.
    """

    description: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any] | None = None
    risk_level: Annotated[int, BeforeValidator(level_of)] = Field(default=UNDECLARED, ge=0, le=4)
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
    code_digest: str | None = Field(default=None, exclude_if=lambda digest: digest is None)
    effect: str | None = Field(default=None, exclude_if=lambda said: said is None)
    reversible: bool | None = Field(default=None, exclude_if=lambda said: said is None)
    untrusted_output: bool | None = Field(default=None, exclude_if=lambda said: said is None)
    environment: str | None = Field(default=None, exclude_if=lambda said: said is None)
    data_class: str | None = Field(default=None, exclude_if=lambda said: said is None)
    policy: CallPolicy | None = Field(default=None, exclude_if=lambda said: said is None)
    policy_arguments: tuple[str, ...] = Field(default=(), exclude_if=lambda named: not named)
    dry_run: DryRun | None = Field(default=None, exclude_if=lambda said: said is None)
    server: str | None = Field(
        default=None, pattern=SERVER_NAME, exclude_if=lambda said: said is None
    )

    max_concurrency_total: int | None = Field(
        default=None, ge=1, le=MOST_SLOTS, exclude_if=lambda most: most is None
    )

    max_per_minute_total: int | None = Field(
        default=None, ge=1, exclude_if=lambda rate: rate is None
    )

    @model_validator(mode="after")
    def _what_is_shared_is_kept(self) -> Self:
        """Only pools have the database in which it is."""
        for name in ("max_concurrency_total", "max_per_minute_total"):
            if getattr(self, name) is not None and self.placement is not Placement.POOL:
                raise ValueError(f"{name} is kept by tool pools: say placement: pool")
        return self

    @property
    def is_shared(self) -> bool:
        """Whether it has a bound that all processes keep together."""
        return self.max_concurrency_total is not None or self.max_per_minute_total is not None

    @property
    def at_once(self) -> int | None:
        """How many executions one process may have at a time, None for no bound."""
        bounds = [
            most for most in (self.max_concurrency, self.max_concurrency_total) if most is not None
        ]
        return min(bounds, default=None)

    @model_validator(mode="after")
    def _dry_run_is_possible(self) -> Self:
        """A server would drop an argument that its schema does not know, and act."""
        name = self.dry_run.argument if self.dry_run is not None else None
        known = self.input_schema.get("properties")
        said = known.get(name) if isinstance(known, dict) and name is not None else None
        if name is not None and not (isinstance(said, dict) and said.get("type") == "boolean"):
            raise ValueError(f"dry_run.argument: {name} is no boolean property of input_schema")
        if self.dry_run is not None and self.dry_run.tool == self.name:
            raise ValueError("dry_run.tool: a tool cannot try itself: name an argument")
        return self

    @property
    def contradicts(self) -> bool:
        """Whether it asks for what is never given: a high risk without a person's approval."""
        return LEVELS[self.risk_level].approval == "always" and self.approval == "never"

    @property
    def reads_strangers(self) -> bool:
        """Whether its results hold what strangers wrote."""
        if self.untrusted_output is None:
            return self.implementation in _STRANGERS
        return self.untrusted_output

    @property
    def claims(self) -> bool:
        """Whether its executions are claimed in Postgres first: everything above level 0."""
        return LEVELS[self.risk_level].claim

    @property
    def safe_to_repeat(self) -> bool:
        """Whether running it again after an unknown outcome does no harm."""
        return self.idempotent or self.risk_level == 0
