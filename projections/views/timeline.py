"""The timeline: every event as a row [20, 25]."""

from __future__ import annotations

from events import topics
from projections.readable import readable
from projections.tables import run_events
from projections.view import Batch, Rows, View


def fold(batch: Batch) -> Rows:
    """Return one row an event."""
    rows = [
        (
            meta.run_id,
            meta.seq,
            meta.tenant_id,
            type(fact).__name__,
            meta.time,
            meta.status.value,
            meta.actor.kind.value,
            meta.actor.id,
            meta.cause,
            getattr(fact, "call_id", None),
            readable(fact),
            meta.traceparent,
            meta.prev_hash.hex(),
            digest,
            partition,
            offset,
        )
        for meta, fact, partition, offset, digest in batch.events
    ]
    return Rows(appended={run_events: rows})


VIEW = View("timeline", (run_events,), fold, (topics.EVENTS,))
