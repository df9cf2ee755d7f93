"""The timeline: every event as a row [20, 25]."""

from __future__ import annotations

from runfold.events import topics
from runfold.projections.rendering.readable import readable
from runfold.projections.store.rows.lines import NULL, is_sound, lines_of, moment_text
from runfold.projections.tables import run_events
from runfold.projections.view import Batch, Placed, Rows, View

_COLUMNS = len(run_events.columns)


def add(batch: Batch, rows: Rows) -> None:
    """Add one row an event."""
    rows.lines.setdefault(run_events, []).extend(map(_line, batch.events))


def _line(placed: Placed) -> str:
    """Return an event's line, made in one expression: no other table has as many rows."""
    meta, fact, partition, offset, digest = placed
    # Not by getattr: pydantic takes long to say that there is none.
    call_id = fact.__dict__.get("call_id")
    actor = meta.actor
    line = "\t".join(
        (
            meta.run_id,
            str(meta.seq),
            meta.tenant_id,
            type(fact).__name__,
            moment_text(meta.time),
            meta.status,
            actor.kind,
            actor.id,
            meta.cause,
            NULL if call_id is None else call_id,
            readable(fact),
            meta.traceparent,
            meta.prev_hash.hex(),
            digest,
            str(partition),
            str(offset),
        )
    )
    if is_sound(line, _COLUMNS, call_id is None):
        return line
    return _carefully(placed)


def _carefully(placed: Placed) -> str:
    meta, fact, partition, offset, digest = placed
    row = (
        meta.run_id,
        meta.seq,
        meta.tenant_id,
        type(fact).__name__,
        meta.time,
        meta.status,
        meta.actor.kind,
        meta.actor.id,
        meta.cause,
        fact.__dict__.get("call_id"),
        readable(fact),
        meta.traceparent,
        meta.prev_hash.hex(),
        digest,
        partition,
        offset,
    )
    return lines_of([row])[0]


VIEW = View("timeline", (run_events,), add, (topics.EVENTS,))
