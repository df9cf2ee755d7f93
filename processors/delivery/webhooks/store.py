"""Deliveries in Postgres: what is open, how attempts ended, which receivers fail."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
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


def first_due(session: Session, partitions: Collection[int], aside: Collection[Key]) -> int | None:
    """Return the first delivery that is due and waits for no earlier one of its run."""
    with transaction(session, _TIMEOUT):
        row = session.execute(
            # Plus 0: or the numbers of all that ended would be gone through.
            "SELECT min(d.number + 0) FROM deliveries AS d WHERE d.state = 'open'"
            " AND d.partition = ANY(%s) AND (d.due_at IS NULL OR d.due_at <= now())"
            " AND (d.scope, d.subscription) NOT IN"
            " (SELECT s, n FROM unnest(%s::text[], %s::text[]) AS u(s, n))"
            " AND NOT EXISTS (SELECT FROM deliveries AS e WHERE e.scope = d.scope"
            " AND e.subscription = d.subscription AND e.run_id = d.run_id AND e.state = 'open'"
            " AND e.number < d.number)",
            (list(partitions), [key.scope for key in aside], [key.name for key in aside]),
        ).fetchone()
    return row[0] if row is not None else None


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
    """Put on record how attempts ended, in order; what is no longer open stays what it is."""
    # Where the tables are slow there are several attempts of one delivery: an UPDATE takes any.
    last = {each.number: each for each in outcomes}
    retried = [each for each in outcomes if each.state == "open" or each.attempt > 1]
    with transaction(session, _TIMEOUT):
        session.execute(DURABLE)
        session.execute(
            _NOTED,
            tuple(map(list, zip(*last.values(), strict=True))),
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


def hastened(session: Session, partitions: Collection[int]) -> list[tuple[Key, str, int]]:
    """Return what waited for another attempt and is due: subscription, run and number."""
    with transaction(session, _TIMEOUT):
        rows = session.execute(
            "SELECT scope, subscription, run_id, number FROM deliveries WHERE state = 'open'"
            " AND attempts > 0 AND due_at <= now() AND partition = ANY(%s)",
            (list(partitions),),
        ).fetchall()
    return [(Key(scope, name), run_id, number) for scope, name, run_id, number in rows]


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


def note_secrets(session: Session, missing: Mapping[Key, Sequence[str]]) -> None:
    """Note which subscriptions name secrets that are not there; of all others none is missing."""
    those = sorted(missing)
    scopes, names = [key.scope for key in those], [key.name for key in those]
    with transaction(session, _TIMEOUT):
        session.execute(
            "UPDATE delivery_receivers AS r SET missing_secrets = NULL"
            " WHERE missing_secrets IS NOT NULL AND (scope, subscription) NOT IN"
            " (SELECT s, n FROM unnest(%s::text[], %s::text[]) AS u(s, n))",
            (scopes, names),
        )
        for key in those:
            session.execute(
                "INSERT INTO delivery_receivers (scope, subscription, missing_secrets)"
                " VALUES (%s, %s, %s) ON CONFLICT (scope, subscription) DO UPDATE"
                " SET missing_secrets = excluded.missing_secrets",
                (*key, list(missing[key])),
            )


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
