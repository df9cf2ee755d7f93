"""The lifecycle that every run has, whatever it does.

    (none) ── RunCreated ──▶ Live ── RunCompleted | RunFailed | RunCancelled ──▶ Ended
       └───── RunRefused ─────────────────────────────────────────────────────────┘

What a live run does between its beginning and its end is its ``body``: today an agent loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from runfold.events.border import amount_of, number_of
from runfold.events.calls.children import Lineage
from runfold.events.contents.content import Content
from runfold.events.run import CallSummary
from runfold.events.traits import Charge
from runfold.events.trusted import trusted
from runfold.events.values import Counters, Limits, Pin, RunRequest, RunStatus
from runfold.processors.run.state.changing import changed
from runfold.processors.run.state.loop import AgentLoop
from runfold.processors.run.state.standing import (
    NO_ENTRY,
    NO_MORE,
    NOT_IDLE,
    Entry,
    Idle,
    More,
)

Body = AgentLoop
"""What a run does; a flow will stand beside the agent loop."""


@dataclass(frozen=True)
class Pinned:
    """What a run began with and keeps to its end."""

    request: RunRequest
    agent: Pin
    tools: tuple[Pin, ...]
    prompt_version: str
    model: str
    limits: Limits
    created_at: datetime
    traceparent: str
    behaviour: int
    stands_for: str | None = None
    """What a default model stands for, once that was asked."""
    lineage: Lineage | None = None
    """Where it stands among runs that ask for runs; None where no run asked for it."""
    profile: Pin | None = None
    """How its answers are given, from behaviour 9 on."""


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
            input_tokens=number_of(self.input_tokens + charge.usage.input_tokens),
            output_tokens=number_of(self.output_tokens + charge.usage.output_tokens),
            unpriced_calls=self.unpriced_calls + (charge.cost is None),
            cost=amount_of(self.cost + (charge.cost or 0)),
        )

    def record(self) -> Counters:
        """Return the counters as events carry them."""
        return trusted(Counters)(**self.__dict__)


LIMIT_OF: Mapping[str, str] = MappingProxyType(
    {
        "usd": "max_cost",
        "tokens": "max_total_tokens",
        "tool_calls": "max_tool_calls",
        "model_calls": "max_model_calls",
        "retries": "max_retries",
    }
)
"""The limit of a run for each unit that a tenant sets aside, or that can be extended."""


@dataclass(frozen=True)
class Tree:
    """What the runs that this one asked for have used, with their own, as far as they are back.

    ``out`` names those that are not.
    """

    cost: Decimal = Decimal(0)
    tokens: int = 0
    runs: int = 0
    unpriced_calls: int = 0
    out: frozenset[str] = frozenset()


NO_TREE = Tree()


@dataclass(frozen=True)
class Budget:
    """Money that is set aside for each call that is out, and the dearest call so far.

    ``unpriced`` names a model that was paid for at a price that nobody knows. ``tree`` counts for
    the limits of this run, and is part of no sum of what it used itself.
    """

    reservations: Mapping[str, Decimal] = field(default_factory=lambda: MappingProxyType({}))
    dearest_call: Decimal = Decimal(0)
    unpriced: str | None = None
    more: More = NO_MORE
    tree: Tree = NO_TREE

    @property
    def reserved(self) -> Decimal:
        """What is set aside for all calls together."""
        return sum(self.reservations.values(), Decimal(0))


@dataclass(frozen=True)
class Attempts:
    """What is known of attempts, each named by ``ids.outcome_of``.

    ``settled`` are those whose effect is known, ``doubted`` those that may have had one, and
    ``lost`` those that ended without a cost, with the tool or the model that was called: their
    result may still come, and with it what it cost.
    """

    settled: frozenset[str] = frozenset()
    doubted: frozenset[str] = frozenset()
    lost: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class SinceCheckpoint:
    """What the next checkpoint will list: the calls that came back, and their artifacts."""

    closed: tuple[CallSummary, ...] = ()
    artifacts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Waiting:
    """Something said to the run that its body has not taken in yet."""

    id: str
    kind: str
    content: Content


@dataclass(frozen=True)
class Live:
    """A run that has begun and not ended; ``controls`` are the requests that were applied."""

    status: RunStatus
    pinned: Pinned
    entry: Entry = NO_ENTRY
    idle: Idle = NOT_IDLE
    counters: Used = Used()
    budget: Budget = Budget()
    attempts: Attempts = Attempts()
    since_checkpoint: SinceCheckpoint = SinceCheckpoint()
    controls: frozenset[str] = frozenset()
    inbox: tuple[Waiting, ...] = ()
    next_call: int = 1
    body: Body = field(default_factory=AgentLoop)

    @property
    def started(self) -> bool:
        """Whether it was admitted."""
        return self.entry.started

    @property
    def loop(self) -> AgentLoop:
        """The agent loop; only in runs that are one."""
        return self.body

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.pinned.request.run_id

    @property
    def tenant_id(self) -> str:
        """Whose run it is."""
        return self.pinned.request.tenant_id

    @property
    def spent(self) -> Decimal:
        """What it and the runs that it asked for have cost so far, which its limit bounds."""
        return self.counters.cost + self.budget.tree.cost

    @property
    def spent_tokens(self) -> int:
        """The tokens that it and the runs that it asked for have used so far."""
        used = self.counters
        return used.input_tokens + used.output_tokens + self.budget.tree.tokens

    @property
    def traceparent(self) -> str:
        """The trace context that its events carry."""
        return self.pinned.traceparent

    @property
    def request(self) -> RunRequest:
        """What was asked for."""
        return self.pinned.request

    @property
    def agent(self) -> Pin:
        """The pinned agent."""
        return self.pinned.agent

    @property
    def limits(self) -> Limits:
        """The limits that hold: the stricter of the agent's and the request's."""
        return self.pinned.limits

    @property
    def behaviour(self) -> int:
        """The version of the decider that decides it."""
        return self.pinned.behaviour


@dataclass(frozen=True)
class Ended:
    """A run that has ended; the engine forgets it and remembers only its id for a while."""

    status: RunStatus
    tenant_id: str
    traceparent: str


RunState = Live | Ended


def loop_changed(run: Live, **changes: Any) -> Live:
    """Return the run with some fields of its agent loop changed."""
    return changed(run, body=changed(run.loop, **changes))
