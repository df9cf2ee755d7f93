"""Costs: one row an answer that costs, with whom and what it belongs to [154, 159]."""

from __future__ import annotations

from typing import Any

from runfold.events import topics
from runfold.events.catalogue import CHARGED
from runfold.events.run import Meta
from runfold.events.traits import Charge, charge_of
from runfold.projections.tables import costs
from runfold.projections.view import Batch, Rows, View


def add(batch: Batch, rows: Rows) -> None:
    """Add a row for every charge, priced or not, whether or not it came in time to be of use."""
    new = []
    for placed in batch.of(CHARGED):
        charge = charge_of(placed.fact)
        if charge is not None:
            new.append(_row(placed.meta, charge))
    rows.append(costs, new)


def _row(meta: Meta, charge: Charge) -> tuple[Any, ...]:
    to, usage = charge.attribution, charge.usage
    return (
        meta.run_id,
        meta.seq,
        charge.kind,
        charge.call_id,
        charge.attempt,
        meta.tenant_id,
        to.user_id,
        to.agent,
        to.agent_version,
        to.prompt_version,
        charge.model,
        charge.provider,
        charge.tool,
        to.feature,
        to.skill,
        to.variant,
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        charge.cost,
        meta.time,
    )


VIEW = View("costs", (costs,), add, (topics.EVENTS,))
