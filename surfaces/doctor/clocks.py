"""Clocks: this machine's, Postgres's, the broker's and those of the requesters.

Nothing is written to learn the broker's time. The newest requests carry both the time they were
asked at, by their requester's clock, and the time the broker appended them, by its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from runfold.events import topics
from runfold.events.commands import RunRequested
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.finding import Finding, note, ok, span, warning
from runfold.surfaces.doctor.places import places_of

_SYNC = "let every machine keep its time by NTP"
_RECENT = timedelta(days=1)


def check_postgres(patient: Deployment) -> Iterator[Finding]:
    """Find a database whose clock is not ours."""
    with patient.engine.connect() as connection:
        before = patient.now()
        theirs = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        after = patient.now()
    apart = (theirs - before - (after - before) / 2).total_seconds()
    yield from _judged("Postgres's clock", apart, patient)


def check_broker(patient: Deployment) -> Iterator[Finding]:
    """Find a broker ahead of us, or requesters ahead of the broker."""
    newest = list(_newest(patient))
    if not newest:
        yield note("clocks", "no request of the last day tells the broker's time")
        return
    appended = max(each for each, _ in newest)
    ahead = max(0.0, (appended - patient.now()).total_seconds())
    yield from _judged("the broker's clock", ahead, patient)
    # On its way a request can only lose time.
    requester = max(-(each - asked).total_seconds() for each, asked in newest)
    yield from _judged("a requester's clock, against the broker's,", max(0.0, requester), patient)


def _newest(patient: Deployment) -> Iterator[tuple[datetime, datetime]]:
    """Yield when the newest request of each partition was appended, and asked."""
    ends = patient.log.ends(places_of(patient, (topics.REQUESTS,)), committed=True)
    starts = {partition: max(0, end - 1) for (_, partition), end in ends.items()}
    for found in patient.reader.read(topics.REQUESTS, starts):
        request = found.record
        recent = patient.now() - found.appended_at < _RECENT
        if isinstance(request, RunRequested) and recent:
            yield found.appended_at, request.requested_at.astimezone(UTC)


def _judged(whose: str, apart: float, patient: Deployment) -> Iterator[Finding]:
    if abs(apart) > patient.limits.clocks_differ_s:
        side = "ahead" if apart > 0 else "behind"
        yield warning("clocks", f"{whose} is {span(abs(apart))} {side}", _SYNC)
    else:
        yield ok("clocks", f"{whose} is right to {patient.limits.clocks_differ_s:g} s")
