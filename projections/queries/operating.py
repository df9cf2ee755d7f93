"""Questions about the views themselves and about what could not be used: an operator's only.

What could not be used belongs to no tenant, as nobody could read whose it is.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from runfold.events.values import TERMINAL
from runfold.projections.queries.scope import OperatorViews, Row, Views
from runfold.projections.tables import (
    dead_letters,
    projection_failures,
    projection_positions,
    runs,
    tool_calls,
)

_BEGINS = 8
"""Characters of base64 that hold the mark and the schema's id."""


def list_dead_letters(views: OperatorViews, limit: int = 100) -> list[Row]:
    """Return what could not be used, the newest first."""
    query = select(dead_letters).order_by(
        dead_letters.c.time.desc(), dead_letters.c.topic, dead_letters.c.record_offset.desc()
    )
    return views.all(query.limit(limit))


def list_failures(views: OperatorViews, limit: int = 100) -> list[Row]:
    """Return the events that a view could not take."""
    return views.all(select(projection_failures).limit(limit))


def unread(views: OperatorViews) -> list[tuple[str, str, str, int]]:
    """Return what a projector could not read for want of a schema: topic, key, count of records.

    The third of four is the beginning of the values in base64, long enough to name their schema.
    """
    at = dead_letters.c
    key, begins = func.coalesce(at.key, ""), func.left(at.value_base64, _BEGINS)
    query = (
        select(at.topic, key, begins, func.count())
        .where(at.found_by == "projection", at.code.in_(("unknown_schema", "wrong_topic")))
        .group_by(at.topic, key, begins)
    )
    return [(row[0], row[1], row[2], row[3]) for row in views.connection.execute(query)]


def set_aside(views: OperatorViews) -> dict[str, int]:
    """Return how many events each view could not take, without the views that took all."""
    by = projection_failures.c.view
    query = select(by, func.count()).group_by(by).order_by(by)
    return {view: int(count) for view, count in views.connection.execute(query)}


def positions(views: OperatorViews) -> list[Row]:
    """Return how far every view is."""
    at = projection_positions.c
    return views.all(select(projection_positions).order_by(at.view, at.topic, at.topic_partition))


def reached(views: Views, view: str, topic: str) -> dict[int, int]:
    """Return the offset of each partition of a topic before which a view has everything.

    It says nothing of anybody's runs, so it is the same for everybody.
    """
    at = projection_positions.c
    query = select(at.topic_partition, at.next_offset).where(at.view == view, at.topic == topic)
    return {int(row[0]): int(row[1]) for row in views.connection.execute(query)}


def live_runs(views: Views) -> list[str]:
    """Return the ids of all runs in a scope that have not ended, as far as the views know."""
    ended = [status.value for status in TERMINAL]
    query = select(runs.c.run_id).where(views.sees(runs), runs.c.status.not_in(ended))
    return [str(run_id) for run_id in views.connection.execute(query).scalars()]


def oldest_live_run(views: Views) -> datetime | None:
    """Return when the oldest run in a scope that has not ended was accepted, None without one."""
    ended = [status.value for status in TERMINAL]
    query = select(func.min(runs.c.created_at)).where(views.sees(runs), runs.c.status.not_in(ended))
    found: datetime | None = views.connection.execute(query).scalar()
    return found


def evidence_of(
    views: Views, since: datetime, until: datetime, data_class: str | None = None
) -> dict[int, datetime]:
    """Return the levels of calls of runs that went on in a while, and when the last of these moved.

    Of runs in a scope, of one data classification where it is given.
    """
    query = (
        select(tool_calls.c.risk_level, func.max(runs.c.updated_at))
        .join(runs, runs.c.run_id == tool_calls.c.run_id)
        .where(views.sees(runs), runs.c.created_at <= until, runs.c.updated_at >= since)
        .group_by(tool_calls.c.risk_level)
    )
    if data_class is not None:
        query = query.where(runs.c.data_classification == data_class)
    return {int(row[0]): row[1] for row in views.connection.execute(query)}
