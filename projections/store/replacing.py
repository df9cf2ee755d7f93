"""The rows of a copy into the live tables, so that readers and whatever depends on them stay.

Only rows that differ are written: no reader waits, and a table that was right is not touched.
"""

from __future__ import annotations

from psycopg import Connection, errors
from sqlalchemy import Table

from runfold.infra.database import roles
from runfold.infra.database.address import quoted
from runfold.projections import schema, separating
from runfold.projections.store.dependents import Kept, place
from runfold.projections.view import View


def refill(connection: Connection, view: View, live: str, beside: str) -> int:
    """Make the live tables equal to their copies; return how many rows were written or removed."""
    return sum(
        _refill(connection, table, place(live, table.name), place(beside, table.name))
        for table in view.tables
    )


def swap(connection: Connection, view: View, live: str, beside: str, kept: Kept) -> None:
    """Put the copies in place of tables that cannot hold their rows; readers wait meanwhile."""
    # SQL views hold on to the tables they were made over.
    schema.drop_sql_views(connection)
    for table in view.tables:
        connection.execute(f"DROP TABLE IF EXISTS {place(live, table.name)}".encode())
        connection.execute(
            f"ALTER TABLE {place(beside, table.name)} SET SCHEMA {quoted(live)}".encode()
        )
    schema.make_sql_views(connection)
    # New tables, which nobody was granted anything on yet.
    roles.grant(connection, live)
    kept.give(connection)
    separating.keep(connection, live)


def _refill(connection: Connection, table: Table, live: str, copy: str) -> int:
    names = [column.name for column in table.columns]
    keys = [column.name for column in table.primary_key]
    same_key = " AND ".join(f"l.{key} = c.{key}" for key in keys)
    # As text: 1.0 and 1.00 are two values here, and json has no equality of its own.
    differ = f"ROW({_of('l', names)})::text <> ROW({_of('c', names)})::text"
    changes = ", ".join(f"{name} = c.{name}" for name in names)
    gone = f"DELETE FROM {live} l WHERE NOT EXISTS (SELECT FROM {copy} c WHERE {same_key})"  # noqa: S608 - names are our own
    other = f"UPDATE {live} l SET {changes} FROM {copy} c WHERE {same_key} AND {differ}"  # noqa: S608
    removed = f"DELETE FROM {live} l USING {copy} c WHERE {same_key} AND {differ}"  # noqa: S608
    new = (
        f"INSERT INTO {live} ({', '.join(names)}) SELECT {_of('c', names)} FROM {copy} c"  # noqa: S608
        f" WHERE NOT EXISTS (SELECT FROM {live} l WHERE {same_key})"
    )
    count = connection.execute(gone.encode()).rowcount
    try:
        with connection.transaction():
            count += connection.execute(other.encode()).rowcount
    except errors.UniqueViolation:
        # A value that is unique went from one row to another.
        connection.execute(removed.encode())
    return count + connection.execute(new.encode()).rowcount


def _of(table: str, names: list[str]) -> str:
    return ", ".join(f"{table}.{name}" for name in names)
