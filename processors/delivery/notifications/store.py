"""Notifications in Postgres: claimed before they are sent, and never sent again in doubt."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from runfold.infra.database.connection import DURABLE, Session, transaction
from runfold.processors.delivery.rows import Key

_TIMEOUT = "statement_timeout = 30000"
_COLUMNS = "number, scope, subscriber, event_id, tenant_id, run_id, about, said, occurred_at"


class Claimed(NamedTuple):
    """A notification that this process alone may send; ``attempt`` counts 1, 2, 3 …."""

    number: int
    scope: str
    subscriber: str
    event_id: str
    tenant_id: str
    run_id: str
    about: str
    said: str
    occurred_at: datetime
    attempt: int

    @property
    def key(self) -> Key:
        """The subscriber."""
        return Key(self.scope, self.subscriber)


def claim(
    session: Session, partitions: Collection[int], owner: str, now: datetime, most: int
) -> list[Claimed]:
    """Claim what is due, and return it once the claim is durable."""
    with transaction(session, _TIMEOUT):
        session.execute(DURABLE)
        rows = session.execute(
            "UPDATE notifications SET state = 'sending', claimed_by = %s, claimed_at = %s,"  # noqa: S608 - our own names
            " attempts = attempts + 1 WHERE number IN (SELECT number FROM notifications"
            " WHERE state = 'open' AND due_at <= %s AND partition = ANY(%s) ORDER BY number"
            f" LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING {_COLUMNS}, attempts".encode(),
            (owner, now, now, list(partitions), most),
        ).fetchall()
    return sorted(Claimed(*row) for row in rows)


def in_doubt(session: Session, partitions: Collection[int], owner: str, now: datetime) -> int:
    """Note of what another process was sending when it ended that nobody knows; return how much."""
    with transaction(session, _TIMEOUT):
        session.execute(DURABLE)
        return session.execute(
            "UPDATE notifications SET state = 'unknown', done_at = %s,"
            " error = 'the process ended while it was sent'"
            " WHERE state = 'sending' AND claimed_by <> %s AND partition = ANY(%s)",
            (now, owner, list(partitions)),
        ).rowcount


def note(
    session: Session,
    numbers: Sequence[int],
    owner: str,
    state: str,
    error: str | None,
    at: datetime,
) -> None:
    """Put on record what became of claimed ones: ``at`` is when it ended, or is due again."""
    with transaction(session, _TIMEOUT):
        session.execute(DURABLE)
        session.execute(
            "UPDATE notifications SET state = %s, error = %s,"
            " done_at = CASE WHEN %s = 'open' THEN NULL ELSE %s END,"
            " due_at = CASE WHEN %s = 'open' THEN %s ELSE due_at END"
            " WHERE number = ANY(%s) AND claimed_by = %s AND state IN ('sending', 'unknown')",
            (state, error, state, at, state, at, list(numbers), owner),
        )
