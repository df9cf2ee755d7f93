"""The timeline: every event as a row [20, 25]."""

from __future__ import annotations

from events import topics
from projections.readable import readable
from projections.tables import run_events
from projections.view import Batch, Rows, View


def add(batch: Batch, rows: Rows) -> None:
    """Add one row an event."""
    new = [
        (
            meta.run_id,
            meta.seq,
            meta.tenant_id,
            type(fact).__name__,
            meta.time,
            meta.status,
            meta.actor.kind,
            meta.actor.id,
            meta.cause,
            # Not by getattr: pydantic takes long to say that there is none.
            fact.__dict__.get("call_id"),
            readable(fact),
            meta.traceparent,
            meta.prev_hash.hex(),
            digest,
            partition,
            offset,
        )
        for meta, fact, partition, offset, digest in batch.events
    ]
    rows.append(run_events, new)


VIEW = View("timeline", (run_events,), add, (topics.EVENTS,))
