"""What the journal itself says was spent: exact sums by everything a cost belongs to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import get_args

from runfold.events.base import Fact
from runfold.events.run import (
    Event,
    LateAnswer,
    LateResultNoted,
    ModelResponded,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunRefused,
    ToolCallFailed,
    ToolCallSucceeded,
    ToolCallUncertain,
)
from runfold.events.values import Attribution
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

    def take(self, event: Event) -> None:
        """Add what an event says of money; most say nothing."""
        fact = event.fact
        if isinstance(fact, RunCompleted | RunFailed | RunCancelled | RunRefused):
            self.ends[event.meta.run_id] = fact.exit.usage.cost_usd
            return
        figures = _figures(fact)
        if figures is None:
            return
        self.total += figures
        for name, value in _belongs_to(event).items():
            self.by[name][value] += figures


def _figures(fact: Fact) -> Sums | None:
    match fact:
        case (
            ModelResponded(usage=usage, cost=cost)
            | LateResultNoted(answer=LateAnswer(usage=usage), cost=cost)
        ):
            tokens = (usage.input_tokens, usage.output_tokens)
            return Sums(1, int(cost is None), *tokens, cost or Decimal(0))
        case (
            ToolCallSucceeded(cost=Decimal() as cost)
            | ToolCallFailed(cost=Decimal() as cost)
            | ToolCallUncertain(cost=Decimal() as cost)
            | LateResultNoted(cost=Decimal() as cost)
        ):
            return Sums(1, cost=cost)
        case _:
            return None


def _belongs_to(event: Event) -> Mapping[Dimension, str | None]:
    fact = event.fact
    to = getattr(fact, "attribution", None)
    assert isinstance(to, Attribution)
    model = fact.answer if isinstance(fact, LateResultNoted) else fact
    answered = model if isinstance(model, ModelResponded | LateAnswer) else None
    return {
        "tenant_id": event.meta.tenant_id,
        "user_id": to.user_id,
        "run_id": event.meta.run_id,
        "agent": to.agent,
        "agent_version": to.agent_version,
        "prompt_version": to.prompt_version,
        "model": answered.model if answered else None,
        "provider": answered.provider if answered else None,
        "tool": None if answered else getattr(fact, "tool", None),
        "feature": to.feature,
        "skill": to.skill,
        "variant": to.variant,
        "kind": "model" if answered else "tool",
    }
