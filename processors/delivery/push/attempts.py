"""What became of each notification at each browser, in Postgres: none is sent there twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple

from runfold.infra.database.connection import DURABLE, Session, transaction

_TIMEOUT = "statement_timeout = 30000"

State = Literal["sent", "unknown", "failed", "gone", "open"]
"""``open`` is one that did not arrive and is tried again; the others are for good."""

FOR_GOOD: Final = frozenset({"sent", "unknown", "failed", "gone"})


class Tried(NamedTuple):
    """How the last attempt at a browser ended; ``asked_s`` is how long its service said to wait."""

    state: State
    code: int | None = None
    error: str = ""
    asked_s: float = 0.0


def of(session: Session, numbers: Sequence[int]) -> dict[tuple[int, str], Tried]:
    """Return what is known of notifications, by number and browser."""
    with transaction(session, _TIMEOUT):
        rows = session.execute(
            "SELECT number, browser, state, code, error FROM push_attempts WHERE number = ANY(%s)",
            (list(numbers),),
        ).fetchall()
    return {(row[0], row[1]): Tried(row[2], row[3], row[4] or "") for row in rows}


def note(
    session: Session, numbers: Iterable[int], browser: str, tried: Tried, at: datetime
) -> None:
    """Put on record how an attempt ended, durably; what is for good stays as it is."""
    with transaction(session, _TIMEOUT):
        session.execute(DURABLE)
        session.execute(
            "INSERT INTO push_attempts (number, browser, state, code, error, attempted_at)"
            " SELECT number, %s, %s, %s, %s, %s FROM unnest(%s::bigint[]) AS number"
            " ON CONFLICT (number, browser) DO UPDATE SET state = excluded.state,"
            " attempts = push_attempts.attempts + 1, code = excluded.code, error = excluded.error,"
            " attempted_at = excluded.attempted_at WHERE push_attempts.state = 'open'",
            (browser, tried.state, tried.code, tried.error or None, at, list(numbers)),
        )
