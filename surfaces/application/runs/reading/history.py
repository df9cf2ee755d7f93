"""A run's history and detail from the views, within a scope: no scan of the journal.

For surfaces that serve many. The views lag behind the journal: each answer carries the ``seq``
that it holds to, which is where a follower goes on (``follow.events``). What has to hold to the
latest event, as an exit code does, is folded from the journal (``follow.status``).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, takewhile

from runfold.events import run as journal
from runfold.projections import queries
from runfold.projections.queries import Views
from runfold.projections.rendering.parsing import event_of_row
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import NotFoundError, no_run
from runfold.surfaces.application.rendering import event_of
from runfold.surfaces.application.runs.reading.run_detail import RunFold

_PAGE = 500


def history(
    views: Views, run_id: str, after_seq: int = 0, limit: int | None = None
) -> list[shapes.Event]:
    """Return what the views have of a run after ``after_seq``, in order.

    Raises NotFoundError for a run that the views do not have, or not for this caller.
    """
    if queries.run(views, run_id) is None:
        raise no_run(run_id)
    return [event_of(event) for event in islice(recorded(views, run_id, after_seq), limit)]


def detail(views: Views, run_id: str) -> shapes.RunDetail:
    """Return where a run stands, as far as the views have it; raises NotFoundError."""
    found = _folded(views, run_id).detail()
    if found is None:
        raise no_run(run_id)
    return found


def ended_detail(views: Views, run_id: str) -> shapes.RunDetail | None:
    """Return how a run ended, where the views have its end: nothing can be later than that.

    None for a run that lives as far as they know, or that they do not have.
    """
    row = queries.run(views, run_id)
    if row is None or row["exit_status"] is None:
        return None
    found = _folded(views, run_id).detail()
    return found if found is not None and found.exit is not None else None


def ended_history(
    views: Views, run_id: str, after_seq: int, limit: int
) -> list[shapes.Event] | None:
    """Return events of a run whose end the views have; None where they have not."""
    found = ended_events(views, run_id, after_seq, limit)
    return None if found is None else [event_of(event) for event in found]


def ended_events(
    views: Views, run_id: str, after_seq: int, limit: int
) -> list[journal.Event] | None:
    """Return events of a run whose end the views have, as they are read back from there."""
    row = queries.run(views, run_id)
    if row is None or row["exit_status"] is None:
        return None
    found = list(islice(recorded(views, run_id, after_seq), limit))
    # It ends before a row that cannot be read back: then the journal has more to say.
    last = found[-1].meta.seq if found else after_seq
    return found if len(found) == limit or last >= row["seq"] else None


def state_at(views: Views, run_id: str, at: int | None = None) -> shapes.RunState:
    """Return a run as it was after event ``at``, or after the latest; raises NotFoundError."""
    found = _folded(views, run_id, at).state()
    if found is None:
        raise no_run(run_id)
    if at is not None and found.seq < at:
        raise NotFoundError(f"The views have {found.seq} events of run {run_id}, not {at}.")
    return found


def _folded(views: Views, run_id: str, at: int | None = None) -> RunFold:
    fold = RunFold()
    events = recorded(views, run_id)
    for event in events if at is None else takewhile(lambda each: each.meta.seq <= at, events):
        fold.take(event)
    return fold


def recorded(views: Views, run_id: str, after_seq: int = 0) -> Iterator[journal.Event]:
    """Yield a run's events without a gap: it ends before one that the views could not take."""
    last = after_seq
    while rows := queries.timeline(views, run_id, last, _PAGE):
        for row in rows:
            event = event_of_row(row)
            if event is None or event.meta.seq != last + 1:
                return
            yield event
            last = event.meta.seq
