"""Costs: one row an answer that costs, with whom and what it belongs to [154, 159]."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from events import topics
from events.base import Fact
from events.common import Attribution, Usage
from events.journal import ModelResponded, ToolCallFailed, ToolCallSucceeded
from projections.tables import costs
from projections.view import Batch, Placed, Rows, View

_NO_TOKENS = Usage()


_KINDS: frozenset[type[Fact]] = frozenset({ModelResponded, ToolCallSucceeded, ToolCallFailed})


def fold(batch: Batch) -> Rows:
    """Return a row for every model answer, priced or not, and every tool result with a cost."""
    rows = []
    for placed in batch.of(_KINDS):
        match placed.fact:
            case ModelResponded() as fact:
                rows.append(
                    _row(placed, fact, fact.usage, fact.cost, model=fact.model, by=fact.provider)
                )
            case (ToolCallSucceeded() | ToolCallFailed()) as fact if fact.cost is not None:
                rows.append(_row(placed, fact, _NO_TOKENS, fact.cost, tool=fact.tool))
            case _:
                pass
    return Rows(appended={costs: rows})


def _row(
    placed: Placed,
    fact: ModelResponded | ToolCallSucceeded | ToolCallFailed,
    usage: Usage,
    cost: Decimal | None,
    *,
    model: str | None = None,
    by: str | None = None,
    tool: str | None = None,
) -> tuple[Any, ...]:
    to: Attribution = fact.attribution
    return (
        placed.meta.run_id,
        placed.meta.seq,
        "model" if tool is None else "tool",
        fact.call_id,
        fact.attempt,
        placed.meta.tenant_id,
        to.user_id,
        to.agent,
        to.agent_version,
        to.prompt_version,
        model,
        by,
        tool,
        to.feature,
        to.skill,
        to.variant,
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        cost,
        placed.meta.time,
    )


VIEW = View("costs", (costs,), fold, (topics.EVENTS,))
