"""Tables of a process's own, which no journal can make again: made by whoever needs them first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import errors

from runfold.infra.database import layout
from runfold.infra.database.address import quoted
from runfold.infra.database.connection import Session, transaction


@dataclass(frozen=True, slots=True)
class Column:
    """A column that an earlier release did not have; releases of both kinds write to the table."""

    table: str
    name: str
    kind: LiteralString


@dataclass(frozen=True, slots=True)
class OwnTables:
    """Which tables there are, and how they are made.

    ``made`` are statements with ``{schema}``. ``added`` are columns of later releases, which are
    in ``made`` as well. ``grant`` is given a connection and the schema, within a transaction of
    its own: where this user may not make roles, the tables work without. ``refused`` returns what
    is raised where this user may not make tables, from the reason.
    """

    names: tuple[str, ...]
    made: tuple[LiteralString, ...]
    grant: Callable[[psycopg.Connection, str], None]
    refused: Callable[[str], Exception]
    added: tuple[Column, ...] = ()


def ensure(url: str, own: OwnTables) -> None:
    """Make the tables where they are missing; any number of processes may call it.

    Raises what ``refused`` says, and errors of psycopg.
    """
    with Session.to(url) as session:
        try:
            with transaction(session):
                _ensure(session, own)
        except errors.InsufficientPrivilege as error:
            raise own.refused(str(error).partition("\n")[0]) from error


def grant_rows(
    connection: psycopg.Connection, schema: str, tables: Sequence[str], name: str
) -> None:
    """Let a role read and write the rows of tables."""
    who, where = quoted(name), ", ".join(f"{quoted(schema)}.{table}" for table in tables)
    connection.execute(f"GRANT USAGE ON SCHEMA {quoted(schema)} TO {who}".encode())
    connection.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {where} TO {who}".encode())


def _ensure(session: Session, own: OwnTables) -> None:
    schema = layout.schema_of(session)
    if _are_there(session, schema, own.names):
        for column in own.added:
            _add(session, schema, column)
        return
    session.execute("SELECT pg_advisory_xact_lock(%s)", (layout.LOCK,))
    row = session.execute("SELECT to_regnamespace(%s)", (quoted(schema),)).fetchone()
    if row is None or row[0] is None:
        session.execute(f"CREATE SCHEMA {quoted(schema)}".encode())
    for statement in own.made:
        session.execute(statement.format(schema=quoted(schema)).encode())
    with suppress(errors.InsufficientPrivilege), session.transaction():
        own.grant(session, schema)


def _are_there(session: Session, schema: str, names: Sequence[str]) -> bool:
    row = session.execute(
        "SELECT bool_and(to_regclass(t) IS NOT NULL) FROM unnest(%s::text[]) AS t",
        ([f"{quoted(schema)}.{table}" for table in names],),
    ).fetchone()
    return bool(row and row[0])


def _add(session: Session, schema: str, column: Column) -> None:
    """Bring a table of an earlier release here; where this user may not, it goes without."""
    table = f"{quoted(schema)}.{column.table}"
    row = session.execute(
        "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass(%s)"
        " AND attname = %s AND NOT attisdropped)",
        (table, column.name),
    ).fetchone()
    if row and row[0]:
        return
    said = f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column.name} {column.kind}"
    with suppress(errors.InsufficientPrivilege), session.transaction():
        session.execute(said.encode())
