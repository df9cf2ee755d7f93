"""What the journal itself says was spent: exact sums by everything a cost belongs to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any, get_args

from runfold.events.probe import PROBE_AGENT, PROBE_TENANT
from runfold.events.run import Event, Meta
from runfold.events.traits import Charge, charge_of
from runfold.projections.queries import Dimension

DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)

# Wide enough for any number of amounts of decimal(38, 12).
_EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True)
class Sums:
    """Figures of a group of answers; ``cost`` leaves out those that ``unpriced`` counts."""

    calls: int = 0
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal = Decimal(0)

    def __add__(self, more: Sums) -> Sums:
        """Return both together."""
        return Sums(
            self.calls + more.calls,
            self.unpriced + more.unpriced,
            self.input_tokens + more.input_tokens,
            self.output_tokens + more.output_tokens,
            # The usual context of 28 digits would round.
            _EXACT.add(self.cost, more.cost),
        )

    def __str__(self) -> str:
        return (
            f"${self.cost:f} in {self.calls} calls, {self.unpriced} of them unpriced, "
            f"{self.input_tokens} tokens in, {self.output_tokens} out"
        )


@dataclass
class JournalSums:
    """Takes events in any order; sums by each dimension, and what each end says of its run."""

    by: dict[Dimension, dict[str | None, Sums]] = field(
        default_factory=lambda: {name: defaultdict(Sums) for name in DIMENSIONS}
    )
    total: Sums = field(default_factory=Sums)
    ends: dict[str, Decimal] = field(default_factory=dict)
    probes: set[str] = field(default_factory=set)
    """The runs that go by the names of Runfold's own probe."""

    of_calls: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    """What the calls of each kind cost, by run."""

    def take(self, event: Event) -> None:
        """Add what an event says of money; most say nothing."""
        fact = event.fact
        if fact.traits.ends:
            ending: Any = fact
            self.ends[event.meta.run_id] = ending.exit.usage.cost_usd
            return
        charge = charge_of(fact)
        if charge is None:
            return
        figures = _figures(charge)
        self.total += figures
        costs = self.of_calls.setdefault(charge.kind, defaultdict(Decimal))
        costs[event.meta.run_id] = _EXACT.add(costs[event.meta.run_id], figures.cost)
        if (event.meta.tenant_id, charge.attribution.agent) == (PROBE_TENANT, PROBE_AGENT):
            self.probes.add(event.meta.run_id)
        for name, value in _belongs_to(event.meta, charge).items():
            self.by[name][value] += figures


def _figures(charge: Charge) -> Sums:
    used = charge.usage
    unpriced = int(charge.cost is None)
    return Sums(1, unpriced, used.input_tokens, used.output_tokens, charge.cost or Decimal(0))


def _belongs_to(meta: Meta, charge: Charge) -> Mapping[Dimension, str | None]:
    to = charge.attribution
    return {
        "tenant_id": meta.tenant_id,
        "user_id": to.user_id,
        "run_id": meta.run_id,
        "agent": to.agent,
        "agent_version": to.agent_version,
        "prompt_version": to.prompt_version,
        "model": charge.model,
        "provider": charge.provider,
        "tool": charge.tool,
        "feature": to.feature,
        "skill": to.skill,
        "variant": to.variant,
        "kind": charge.kind,
    }
