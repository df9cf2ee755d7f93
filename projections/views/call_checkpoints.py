"""Checkpoints before calls: what was about to be done, a row an attempt [27, 28].

No event is written for them: the beginning of a call says all that the state adds, and the contents
are found by the call's id (``strong_checkpoints`` in ``projections/sql_views.py`` does so).
"""

from __future__ import annotations

from typing import Any

from runfold.events import topics
from runfold.events.base import Fact
from runfold.events.run import ToolCallStarted
from runfold.projections.tables import call_checkpoints
from runfold.projections.view import Batch, Placed, Rows, View

_KINDS: frozenset[type[Fact]] = frozenset({ToolCallStarted})


def add(batch: Batch, rows: Rows) -> None:
    """Add one row an attempt."""
    new = [
        _row(placed, placed.fact)
        for placed in batch.of(_KINDS)
        if isinstance(placed.fact, ToolCallStarted)
    ]
    rows.append(call_checkpoints, new)


def _row(placed: Placed, fact: ToolCallStarted) -> tuple[Any, ...]:
    meta, resume = placed.meta, fact.resume_policy
    return (
        fact.call_id,
        fact.attempt,
        meta.run_id,
        meta.tenant_id,
        fact.step_number,
        meta.seq,
        fact.tool,
        fact.idempotency_key,
        resume and resume.safe_to_retry,
        resume and resume.max_attempts,
        meta.prev_hash.hex(),
        meta.time,
    )


VIEW = View("call_checkpoints", (call_checkpoints,), add, (topics.EVENTS,))
