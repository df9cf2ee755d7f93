"""The audit: each run's chain verified link by link, permits and starts counted [150]."""

from __future__ import annotations

from runfold.events import topics
from runfold.events.run import GENESIS, PolicyDecided, PolicyEffect, ToolCallStarted
from runfold.projections.tables import audit
from runfold.projections.view import Batch, Placed, Row, Rows, View, bump

_GENESIS = GENESIS.hex()


def add(batch: Batch, rows: Rows) -> None:
    """Add one row a run: its chain within the batches, and where that joins what came before.

    The join itself, ``first_seq`` and ``first_prev_hash`` against the last event on record, is
    the merge rule of the table's columns: the batches do not know the rows that are there.
    """
    runs = rows.of(audit)
    for placed in batch.events:
        row = runs.get(placed.meta.run_id)
        if row is None:
            row = runs[placed.meta.run_id] = _begin(placed)
        elif not _follows(row, placed):
            row["chain_ok"] = False
            row["broken_at"] = row["broken_at"] or placed.meta.seq
        _count(row, placed)


def _begin(placed: Placed) -> Row:
    meta = placed.meta
    return {
        "run_id": meta.run_id,
        "tenant_id": meta.tenant_id,
        "events": 0,
        "permits": 0,
        "forbids": 0,
        "starts": 0,
        "chain_ok": True,
        "broken_at": None,
        "first_seq": meta.seq,
        "first_prev_hash": meta.prev_hash.hex(),
    }


def _follows(row: Row, placed: Placed) -> bool:
    meta = placed.meta
    return bool(meta.seq == row["last_seq"] + 1 and meta.prev_hash.hex() == row["last_hash"])


def _count(row: Row, placed: Placed) -> None:
    meta, fact = placed.meta, placed.fact
    row["events"] += 1
    row["last_seq"] = meta.seq
    row["last_hash"] = placed.hash
    row["updated_at"] = meta.time
    # Nearly every event is neither, which a match would ask twice and slowly.
    kind = type(fact)
    if kind is ToolCallStarted:
        bump(row, "starts")
    elif kind is PolicyDecided:
        assert isinstance(fact, PolicyDecided)
        bump(row, "permits" if fact.effect is PolicyEffect.PERMIT else "forbids")


VIEW = View("audit", (audit,), add, (topics.EVENTS,))
