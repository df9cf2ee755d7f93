"""The events of a run that may live, exact: from the views, and from the journal behind them.

A run of weeks is much to read in the journal, and little in the views, which lag. Each partition of
the journal has an offset before which the timeline has everything; from there on the journal is
read to its end, as it is after the question was asked. So nothing that was acknowledged is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from runfold.events import run as journal
from runfold.events import topics
from runfold.producers.errors import UnreadableError
from runfold.producers.identity import made_at
from runfold.producers.log.port import LogReader
from runfold.projections import queries
from runfold.projections.queries import Views
from runfold.projections.views.timeline import VIEW
from runfold.surfaces.application.runs.reading.history import recorded

_YOUNG = timedelta(minutes=1)


class Recorded(NamedTuple):
    """What the timeline has of a run, and the next offset of each partition that it was made of."""

    events: list[journal.Event]
    reached: dict[int, int]


def is_young(run_id: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> bool:
    """Return whether all of a run lies in the last minute of the journal: that is soon read."""
    asked = made_at(run_id)
    return asked is not None and now() - asked < _YOUNG


def recorded_so_far(views: Views, run_id: str) -> Recorded | None:
    """Return what the timeline has of a run; None where it has not, or not for this caller.

    The offsets are asked for first: what is before them is among the events.
    """
    reached = queries.reached(views, VIEW.name, topics.EVENTS)
    row = queries.run(views, run_id)
    if row is None or not reached:
        return None
    events = list(recorded(views, run_id))
    # It ends before a row that cannot be read back: then the journal has more to say.
    return Recorded(events, reached) if events and events[-1].meta.seq >= row["seq"] else None


def joined(reader: LogReader, run_id: str, known: Recorded) -> list[journal.Event] | None:
    """Return what is known with what the journal has behind it; None where they do not join.

    Raises LogError.
    """
    events = list(known.events)
    try:
        for event in _behind(reader, run_id, known.reached):
            last = events[-1].meta
            if event.meta.seq > last.seq + 1 or event.meta.tenant_id != last.tenant_id:
                return None
            if event.meta.seq == last.seq + 1:
                events.append(event)
    except UnreadableError:
        return None
    return events


def _behind(reader: LogReader, run_id: str, reached: dict[int, int]) -> Iterator[journal.Event]:
    for found in reader.read(topics.EVENTS, reached, key=run_id):
        if isinstance(found.record, journal.Event):
            yield found.record
