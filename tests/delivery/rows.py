"""Rows in the tables of delivery, as the process that delivers makes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from runfold.events.topics import EVENTS
from runfold.infra.database.connection import Session
from runfold.processors.delivery import positions, tables
from runfold.processors.delivery.rows import Notice, Outcome, Pending, Wanted
from runfold.processors.delivery.webhooks import store

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


@contextmanager
def tables_at(url: str) -> Iterator[Session]:
    """The tables, and a connection to them; one process owns partition 0 of the journal."""
    tables.ensure(url)
    with Session.to(url) as session:
        positions.take_over(session, {(EVENTS, 0): 0}, "me")
        yield session


def wanted(run: str, seq: int, name: str = "hook", scope: str = "acme", at: int = 0) -> Wanted:
    """An event for a subscription; ``at`` is its offset in partition 0."""
    when = BEGAN + timedelta(minutes=seq)
    return Wanted(scope, name, run, seq, scope, 0, at or seq, "RunStarted", "planning", when)


def added(session: Session, *those: Wanted, notices: Sequence[Notice] = ()) -> list[Pending]:
    """Have events added as from the log."""
    return positions.move(session, {(EVENTS, 0): 1}, "me", those, notices)


def ended(
    session: Session,
    row: Pending,
    state: str = "delivered",
    attempt: int = 1,
    due_at: datetime | None = None,
    at: datetime | None = None,
) -> None:
    """Note an attempt."""
    code, error = (204, None) if state == "delivered" else (503, "the receiver answered 503")
    when = at or BEGAN + timedelta(hours=attempt)
    store.note(session, [Outcome(row.number, state, attempt, due_at, code, error, 12, when)])
