"""Checkpoints: where a run can go on from [23, 27, 28]."""

from __future__ import annotations

from typing import Any

from runfold.events import topics
from runfold.events.run import CallSummary, CheckpointWritten
from runfold.projections.rendering.readable import as_json, readable
from runfold.projections.tables import checkpoints
from runfold.projections.view import Batch, Placed, Rows, View


def add(batch: Batch, rows: Rows) -> None:
    """Add one row a checkpoint."""
    new = [
        _row(placed, placed.fact)
        for placed in batch.events
        if isinstance(placed.fact, CheckpointWritten)
    ]
    rows.append(checkpoints, new)


def _row(placed: Placed, fact: CheckpointWritten) -> tuple[Any, ...]:
    meta = placed.meta
    results = {
        call.call_id: call.result_digest.hex()
        for call in fact.completed
        if call.result_digest is not None
    }
    return (
        fact.checkpoint_id,
        meta.run_id,
        meta.tenant_id,
        fact.step_number,
        meta.seq,
        readable(fact),
        _list(fact.pending),
        as_json({"model_call_id": fact.model_call_id, "decision_summary": fact.decision_summary}),
        _list(fact.completed),
        as_json(results),
        fact.state_hash.hex(),
        fact.resume_policy.safe_to_retry,
        fact.resume_policy.max_attempts,
        meta.time,
    )


def _list(calls: tuple[CallSummary, ...]) -> str:
    return "[" + ",".join(readable(call) for call in calls) + "]"


VIEW = View("checkpoints", (checkpoints,), add, (topics.EVENTS,))
