"""A journal in memory, and the views of a database made from it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import psycopg

from runfold.events import run as j
from runfold.events import topics
from runfold.producers.log.memory import MemoryLog
from runfold.projections import schema
from runfold.projections.store.rows.writing import fold, write
from runfold.projections.view import Batch, Placed
from runfold.projections.views import VIEWS
from runfold.surfaces.cli.context import Context
from tests.support.builders.history import CODEC, History


def journal_of(runs: Sequence[History]) -> MemoryLog:
    """The runs on a journal in memory."""
    log = MemoryLog(CODEC, [topic.name for topic in topics.TOPICS])
    for run in runs:
        for value, event in zip(run.values, run.events, strict=True):
            # An event is appended a while after it was decided.
            late = event.meta.time + timedelta(milliseconds=10)
            log.append(topics.EVENTS, value, run.run_id.encode(), appended_at=late)
    return log


def project(log: MemoryLog, url: str) -> None:
    """Fold the whole journal into the views of a database, as a projector does."""
    schema.ensure(url)
    placed = [
        Placed(found.record.meta, found.record.fact, found.place.partition, found.place.offset, "h")
        for found in log.read(topics.EVENTS)
        if isinstance(found.record, j.Event)
    ]
    ends = dict.fromkeys(range(4), 0)
    for each in placed:
        ends[each.partition] = max(ends[each.partition], each.offset + 1)
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        for view in VIEWS.values():
            write(cursor, fold(view, Batch(events=placed)))
            cursor.executemany(
                "INSERT INTO projection_positions VALUES (%s, %s, %s, %s, 1, 'test')",
                [(view.name, topics.EVENTS, number, end) for number, end in ends.items()],
            )


def context_of(log: MemoryLog, url: str) -> Context:
    """A command line on this journal and database."""
    context = Context()
    context.reader = log
    context.engine = schema.engine(url)
    return context
