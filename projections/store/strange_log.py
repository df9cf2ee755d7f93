"""Views whose positions are of another log than the one there is: what is said, and the way out."""

from __future__ import annotations

from collections.abc import Callable

from runfold.infra.database.address import quoted
from runfold.infra.database.connection import DURABLE, PATIENT, Session, transaction
from runfold.producers.log.consumers import Settings
from runfold.producers.log.topics.now import now_of
from runfold.producers.log.topics.remembered import Fit, Now, Remembered, judge, told
from runfold.projections.store import positions
from runfold.projections.store.positions import Held, Place
from runfold.projections.summaries import due
from runfold.projections.tables import runs
from runfold.projections.view import View

COMMAND = "`python -m runfold.projections --take-new-log`"
"""Makes such views again from the log that is there, or goes on behind what is gone."""


def strange(held: dict[Place, Held], now: dict[tuple[str, int], Now]) -> dict[Place, Fit]:
    """Return the positions that do not fit the log of now."""
    found = {
        place: judge(Remembered(each.next_offset, each.topic_id), now[place.topic, place.partition])
        for place, each in held.items()
        if (place.topic, place.partition) in now
    }
    return {place: fit for place, fit in found.items() if fit is not Fit.FITS}


def sentence(place: Place, held: Held, now: Now) -> str:
    """Return what is wrong with a position, and what settles it."""
    at = (place.topic, place.partition)
    what = told(at, Remembered(held.next_offset, held.topic_id), now)
    return (
        f"the view {place.view} has seen {place.topic}/{place.partition} up to offset "
        f"{held.next_offset}, {what}. It does not follow that partition before {COMMAND} has been "
        "run; if the right log can come back, let it: the view may hold the only copy of what is "
        "gone"
    )


def take_new_log(
    url: str, kafka: Settings, views: list[View], partitions: int, say: Callable[[str], None]
) -> None:
    """Make views fit the log that is there; ``say`` is told what was done.

    Where a position is of another topic or beyond the end, the tables of its view are emptied and
    it is folded again from the beginning. Where the beginning is gone, the view goes on behind it.
    It fences the projectors that run; they begin again. Raises LogError and psycopg.Error.
    """
    places = positions.places(views, range(partitions))
    with Session.to(url) as connection, transaction(connection, *PATIENT):
        connection.execute(DURABLE)
        held = positions.take(connection, places, "take-new-log")
        now = now_of(kafka, {(place.topic, place.partition) for place in places})
        found = strange(held, now)
        anew = {place.view for place, fit in found.items() if fit is not Fit.LOST_START}
        for view in views:
            if view.name in anew:
                _empty(connection, view)
                say(f"{view.name} is folded again from the beginning")
        for place, each in held.items():
            low = now[place.topic, place.partition].low
            if place.view in anew:
                positions.put(connection, place, low)
            elif place in found:
                positions.put(connection, place, low)
                say(
                    f"{place.view} goes on at offset {low} of {place.topic}/{place.partition}; "
                    f"it was at {each.next_offset}, and what was between is gone"
                )
    if not found:
        say("every position belongs to the log that is there: nothing to do")


def _empty(connection: Session, view: View) -> None:
    if runs in view.tables:
        due.note_all(connection)
    for table in view.tables:
        connection.execute(f"DELETE FROM {quoted(table.name)}".encode())  # noqa: S608 - our own name
    connection.execute("DELETE FROM projection_failures WHERE view = %s", (view.name,))
