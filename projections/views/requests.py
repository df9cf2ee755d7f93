"""Requests of surfaces that led to something: which run, for whoever quotes one [130]."""

from __future__ import annotations

from runfold.events import topics
from runfold.events.base import Fact
from runfold.events.catalogue import FACTS
from runfold.events.people.origin import Origin
from runfold.events.run import RunCreated, RunRefused
from runfold.projections.rendering.readable import clean
from runfold.projections.tables import run_requests
from runfold.projections.view import Batch, Rows, View

_SAY: frozenset[type[Fact]] = frozenset(kind for kind in FACTS if "origin" in kind.model_fields) | {
    RunCreated,
    RunRefused,
}


def add(batch: Batch, rows: Rows) -> None:
    """Add a row for each event that says which request it was asked for with."""
    new = []
    for placed in batch.of(_SAY):
        origin, meta = origin_of(placed.fact), placed.meta
        if origin is not None and origin.request_id:
            new.append(
                (
                    meta.run_id,
                    meta.seq,
                    meta.tenant_id,
                    clean(origin.request_id),
                    clean(origin.trace_id),
                    clean(origin.credential),
                    clean(meta.actor.id),
                    type(placed.fact).__name__,
                    meta.time,
                )
            )
    if new:
        rows.append(run_requests, new)


def origin_of(fact: Fact) -> Origin | None:
    """Return the origin that a fact has on record, None where it has none."""
    if isinstance(fact, RunCreated | RunRefused):
        return fact.request.origin
    found: Origin | None = getattr(fact, "origin", None)
    return found


VIEW = View("requests", (run_requests,), add, (topics.EVENTS,))
