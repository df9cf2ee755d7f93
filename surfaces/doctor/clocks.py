"""Clocks: this machine's, Postgres's, the broker's and those of the requesters.

Nothing is written to learn the broker's time. The newest requests carry both the time they were
asked at, by their requester's clock, and the time the broker appended them, by its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from runfold.events import topics
from runfold.events.records.commands import RunRequested
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.finding import Finding, note, ok, span, warning
from runfold.surfaces.doctor.places import places_of

_SYNC = "let every machine keep its time by NTP"
_RECENT = timedelta(days=1)


def check_postgres(deployment: Deployment) -> Iterator[Finding]:
    """Find a database whose clock is not ours."""
    with deployment.engine.connect() as connection:
        before = deployment.now()
        theirs = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        after = deployment.now()
    apart = (theirs - before - (after - before) / 2).total_seconds()
    yield from _judged("Postgres's clock", apart, deployment)


def check_broker(deployment: Deployment) -> Iterator[Finding]:
    """Find a broker ahead of us, or requesters ahead of the broker."""
    newest = list(_newest(deployment))
    if not newest:
        yield note("clocks", "no request of the last day tells the broker's time")
        return
    appended = max(each for each, _ in newest)
    ahead = max(0.0, (appended - deployment.now()).total_seconds())
    yield from _judged("the broker's clock", ahead, deployment)
    # On its way a request can only lose time.
    requester = max(-(each - asked).total_seconds() for each, asked in newest)
    yield from _judged(
        "a requester's clock, against the broker's,", max(0.0, requester), deployment
    )


def _newest(deployment: Deployment) -> Iterator[tuple[datetime, datetime]]:
    """Yield when the newest request of each partition was appended, and asked."""
    ends = deployment.log.ends(places_of(deployment, (topics.REQUESTS,)), committed=True)
    starts = {partition: max(0, end - 1) for (_, partition), end in ends.items()}
    for found in deployment.reader.read(topics.REQUESTS, starts):
        request = found.record
        recent = deployment.now() - found.appended_at < _RECENT
        if isinstance(request, RunRequested) and recent:
            yield found.appended_at, request.requested_at.astimezone(UTC)


def _judged(whose: str, apart: float, deployment: Deployment) -> Iterator[Finding]:
    if abs(apart) > deployment.limits.clocks_differ_s:
        side = "ahead" if apart > 0 else "behind"
        yield warning("clocks", f"{whose} is {span(abs(apart))} {side}", _SYNC)
    else:
        yield ok("clocks", f"{whose} is right to {deployment.limits.clocks_differ_s:g} s")
