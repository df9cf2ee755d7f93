"""Deliveries in Postgres: what is open, how attempts ended, which receivers fail."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from runfold.infra.database.connection import DURABLE, Session, transaction
from runfold.processors.delivery.rows import Key, Outcome, Pending

_TIMEOUT = "statement_timeout = 30000"
_COLUMNS = ", ".join(Pending._fields)


def backlog(session: Session, partitions: Collection[int], after: int = 0) -> list[Key]:
    """Return the subscriptions that have open deliveries in partitions, of numbers after one."""
    with transaction(session, _TIMEOUT):
        rows = session.execute(
            "SELECT DISTINCT scope, subscription FROM deliveries"
            " WHERE state = 'open' AND partition = ANY(%s) AND number > %s",
            (list(partitions), after),
        ).fetchall()
    return [Key(scope, name) for scope, name in rows]


def load(
    session: Session, key: Key, partitions: Collection[int], after: int, most: int
) -> list[Pending]:
    """Return open deliveries of numbers after one, in order."""
    with transaction(session, _TIMEOUT):
        rows = session.execute(
            f"SELECT {_COLUMNS} FROM deliveries WHERE state = 'open'"  # noqa: S608 - our own names
            " AND partition = ANY(%s) AND scope = %s AND subscription = %s AND number > %s"
            " ORDER BY number LIMIT %s".encode(),
            (list(partitions), *key, after, most),
        ).fetchall()
    return [Pending(*row) for row in rows]


def load_run(session: Session, key: Key, run_id: str, to: int, most: int) -> list[Pending]:
    """Return open deliveries of one run, of numbers up to one, in order."""
    with transaction(session, _TIMEOUT):
        rows = session.execute(
            f"SELECT {_COLUMNS} FROM deliveries WHERE state = 'open'"  # noqa: S608 - our own names
            " AND scope = %s AND subscription = %s AND run_id = %s AND number <= %s"
            " ORDER BY number LIMIT %s".encode(),
            (*key, run_id, to, most),
        ).fetchall()
    return [Pending(*row) for row in rows]


def note(session: Session, outcomes: Sequence[Outcome]) -> None:
    """Put on record how attempts ended; what is no longer open stays what it is."""
    retried = [each for each in outcomes if each.state == "open" or each.attempt > 1]
    with transaction(session, _TIMEOUT):
        session.execute(DURABLE)
        session.execute(
            _NOTED,
            tuple(map(list, zip(*outcomes, strict=True))),
        )
        if retried:
            session.execute(
                "INSERT INTO delivery_attempts (number, attempt, attempted_at, code, error,"
                " took_ms) SELECT * FROM unnest(%s::bigint[], %s::int[], %s::timestamptz[],"
                " %s::int[], %s::text[], %s::int[]) ON CONFLICT DO NOTHING",
                (
                    [each.number for each in retried],
                    [each.attempt for each in retried],
                    [each.attempted_at for each in retried],
                    [each.code for each in retried],
                    [each.error for each in retried],
                    [each.took_ms for each in retried],
                ),
            )


_NOTED = (
    "UPDATE deliveries AS d SET state = u.state, attempts = u.attempt, due_at = u.due_at,"
    " code = u.code, error = u.error, took_ms = u.took_ms, attempted_at = u.attempted_at"
    " FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::timestamptz[], %s::int[],"
    " %s::text[], %s::int[], %s::timestamptz[])"
    " AS u(number, state, attempt, due_at, code, error, took_ms, attempted_at)"
    " WHERE d.number = u.number AND d.state = 'open'"
)


def failing(session: Session) -> dict[Key, datetime]:
    """Return which receivers fail, and since when."""
    with transaction(session, _TIMEOUT):
        rows = session.execute(
            "SELECT scope, subscription, failing_since FROM delivery_receivers"
            " WHERE failing_since IS NOT NULL"
        ).fetchall()
    return {Key(scope, name): since for scope, name, since in rows}


def receivers(
    session: Session, keys: Iterable[Key], *, ok: bool, at: datetime
) -> dict[Key, datetime]:
    """Note that receivers answered well, or failed; return since when those that fail do."""
    those = sorted(set(keys))
    if not those:
        return {}
    scopes, names = [key.scope for key in those], [key.name for key in those]
    what = "NULL, excluded.last_ok_at" if ok else "coalesce(r.failing_since, %s), r.last_ok_at"
    with transaction(session, _TIMEOUT):
        rows = session.execute(
            "INSERT INTO delivery_receivers AS r"  # noqa: S608 - our own words
            " (scope, subscription, failing_since, last_ok_at)"
            " SELECT s, n, %s, %s FROM unnest(%s::text[], %s::text[]) AS u(s, n)"
            " ON CONFLICT (scope, subscription) DO UPDATE"
            f" SET (failing_since, last_ok_at) = ROW({what})"
            " RETURNING scope, subscription, failing_since".encode(),
            (
                *((None, at) if ok else (at, None)),
                scopes,
                names,
                *(() if ok else (at,)),
            ),
        ).fetchall()
    return {Key(scope, name): since for scope, name, since in rows if since is not None}


def disable(session: Session, key: Key, reason: str, at: datetime) -> None:
    """Note why a receiver gets nothing more, and leave what is open for it."""
    with transaction(session, _TIMEOUT):
        session.execute(DURABLE)
        session.execute(
            "INSERT INTO delivery_receivers AS r (scope, subscription, disabled_at, reason)"
            " VALUES (%s, %s, %s, %s) ON CONFLICT (scope, subscription) DO UPDATE"
            " SET disabled_at = excluded.disabled_at, reason = excluded.reason",
            (*key, at, reason),
        )


def drop(session: Session, key: Key, partitions: Collection[int], why: str) -> int:
    """Give up what is open for a subscription in partitions; return how much it was."""
    with transaction(session, _TIMEOUT):
        return session.execute(
            "UPDATE deliveries SET state = 'dropped', error = %s WHERE state = 'open'"
            " AND partition = ANY(%s) AND scope = %s AND subscription = %s",
            (why, list(partitions), *key),
        ).rowcount
