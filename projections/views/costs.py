"""Costs: one row an answer that costs, with whom and what it belongs to [154, 159]."""

from __future__ import annotations

from typing import Any

from runfold.events import topics
from runfold.events.base import Fact
from runfold.events.run import (
    LateAnswer,
    LateResultNoted,
    ModelResponded,
    ToolCallFailed,
    ToolCallSucceeded,
    ToolCallUncertain,
)
from runfold.events.values import Attribution, Usage
from runfold.projections.tables import costs
from runfold.projections.view import Batch, Placed, Rows, View

_NO_TOKENS = Usage()


_KINDS: frozenset[type[Fact]] = frozenset(
    {ModelResponded, ToolCallSucceeded, ToolCallFailed, ToolCallUncertain, LateResultNoted}
)


def add(batch: Batch, rows: Rows) -> None:
    """Add a row for every model answer, priced or not, and every tool result with a cost.

    Both may have come too late to be of use.
    """
    new = []
    for placed in batch.of(_KINDS):
        match placed.fact:
            case ModelResponded() as fact:
                to = fact.attribution
                new.append(_row(placed, to, fact, fact.usage, fact.model, by=fact.provider))
            case LateResultNoted(answer=LateAnswer() as a, attribution=Attribution() as to) as fact:
                new.append(_row(placed, to, fact, a.usage, a.model, by=a.provider))
            case (
                ToolCallSucceeded(attribution=Attribution() as to)
                | ToolCallFailed(attribution=Attribution() as to)
                | ToolCallUncertain(attribution=Attribution() as to)
                | LateResultNoted(attribution=Attribution() as to)
            ) as fact if fact.cost is not None:
                new.append(_row(placed, to, fact, _NO_TOKENS, tool=fact.tool))
            case _:
                pass
    rows.append(costs, new)


_Costing = ModelResponded | ToolCallSucceeded | ToolCallFailed | ToolCallUncertain | LateResultNoted


def _row(
    placed: Placed,
    to: Attribution,
    fact: _Costing,
    usage: Usage,
    model: str | None = None,
    *,
    by: str | None = None,
    tool: str | None = None,
) -> tuple[Any, ...]:
    return (
        placed.meta.run_id,
        placed.meta.seq,
        "tool" if model is None else "model",
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
        fact.cost,
        placed.meta.time,
    )


VIEW = View("costs", (costs,), add, (topics.EVENTS,))
