"""Policy decisions: who was permitted what, before it was done [106]."""

from __future__ import annotations

from typing import Any

from runfold.events import topics, wording
from runfold.events.run import PolicyDecided
from runfold.projections.rendering.readable import as_json
from runfold.projections.tables import policy_decisions
from runfold.projections.view import Batch, Placed, Rows, View


def add(batch: Batch, rows: Rows) -> None:
    """Add one row a decision."""
    new = [
        _row(placed, placed.fact)
        for placed in batch.events
        if isinstance(placed.fact, PolicyDecided)
    ]
    rows.append(policy_decisions, new)


def _row(placed: Placed, fact: PolicyDecided) -> tuple[Any, ...]:
    return (
        placed.meta.run_id,
        placed.meta.seq,
        placed.meta.tenant_id,
        fact.call_id,
        fact.effect.value,
        fact.principal,
        fact.action,
        fact.resource,
        wording.plain(fact.reason),
        as_json(fact.policy_ids),
        fact.policy_digest.hex(),
        as_json(fact.obligations),
        placed.meta.time,
    )


VIEW = View("policy_decisions", (policy_decisions,), add, (topics.EVENTS,))
