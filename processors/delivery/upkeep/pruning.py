"""Rows that have ended are not kept for ever: so long, and so many of one tenant, of each table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString, NamedTuple

from runfold.infra.database.connection import Session, transaction

_TIMEOUT = "statement_timeout = 60000"
_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Keep:
    """How long, and how many of one tenant; what is open is kept in any case."""

    age: timedelta = timedelta(days=30)
    rows: int = 1_000_000


class _Table(NamedTuple):
    name: LiteralString
    over: LiteralString
    ended_at: LiteralString


_TABLES = (
    _Table("deliveries", "state <> 'open'", "coalesce(attempted_at, occurred_at)"),
    _Table("notifications", "state NOT IN ('open', 'sending')", "coalesce(done_at, occurred_at)"),
)


def prune(session: Session, keep: Keep, now: datetime) -> int:
    """Delete what ended too long ago, and what is too much of a tenant; return how much.

    One transaction for each few thousand rows: nobody waits for it.
    """
    return sum(sum(_pruned(session, table, keep, now)) for table in _TABLES)


def _pruned(session: Session, table: _Table, keep: Keep, now: datetime) -> Iterator[int]:
    old = f"{table.over} AND {table.ended_at} < %s"
    yield from _deleted(session, table, old, (now - keep.age,))
    with transaction(session, _TIMEOUT):
        scopes = session.execute(
            f"SELECT scope FROM {table.name} WHERE {table.over} GROUP BY scope"  # noqa: S608 - our own words
            " HAVING count(*) > %s".encode(),
            (keep.rows,),
        ).fetchall()
    for (scope,) in scopes:
        with transaction(session, _TIMEOUT):
            row = session.execute(
                f"SELECT number FROM {table.name} WHERE scope = %s AND {table.over}"  # noqa: S608 - our own words
                " ORDER BY number DESC OFFSET %s LIMIT 1".encode(),
                (scope, keep.rows),
            ).fetchone()
        if row is not None:
            more = f"{table.over} AND scope = %s AND number <= %s"
            yield from _deleted(session, table, more, (scope, row[0]))


def _deleted(
    session: Session, table: _Table, which: str, given: tuple[object, ...]
) -> Iterator[int]:
    count = _AT_ONCE
    while count == _AT_ONCE:
        with transaction(session, _TIMEOUT):
            gone = session.execute(
                f"DELETE FROM {table.name} WHERE number IN"  # noqa: S608 - our own words
                f" (SELECT number FROM {table.name} WHERE {which} LIMIT {_AT_ONCE})"
                " RETURNING number".encode(),
                given,
            ).fetchall()
            if table.name == "deliveries":
                session.execute(
                    "DELETE FROM delivery_attempts WHERE number = ANY(%s)",
                    ([number for (number,) in gone],),
                )
        count = len(gone)
        yield count
