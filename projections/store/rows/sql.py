"""The statements that write a table: COPY for new rows, MERGE for rows that may be there."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import TextClause
from sqlalchemy.sql.schema import DefaultClause

from runfold.infra.database.address import quoted
from runfold.projections.store.rows.lines import OPTIONS
from runfold.projections.tables.base import CARRIED, initial_of, merge_of

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


@cache
def copy_into(table: Table, schema: str | None = None) -> str:
    """Return the COPY statement of a table; lines follow, values in the order of its columns."""
    names = ", ".join(column.name for column in table.columns)
    return f"COPY {qualified(table, schema)} ({names}) FROM STDIN {OPTIONS}"


@cache
def staging_of(table: Table, schema: str | None = None) -> str:
    """Return the statement that makes an empty table for lines of another, until the commit."""
    staged = f"pg_temp.staged_{table.name}"
    return (
        f"DROP TABLE IF EXISTS {staged};"
        f" CREATE TEMP TABLE staged_{table.name} (LIKE {qualified(table, schema)}) ON COMMIT DROP"
    )


@cache
def copy_staged(table: Table) -> str:
    """Return the COPY statement of that table."""
    names = ", ".join(column.name for column in table.columns)
    return f"COPY pg_temp.staged_{table.name} ({names}) FROM STDIN {OPTIONS}"


@cache
def insert_staged(table: Table, schema: str | None = None) -> str:
    """Return the statement that puts its rows where they belong."""
    names = ", ".join(column.name for column in table.columns)
    return (
        f"INSERT INTO {qualified(table, schema)} ({names})"  # noqa: S608 - names are our own
        f" SELECT {names} FROM pg_temp.staged_{table.name}"
    )


@cache
def merge_into(table: Table, schema: str | None = None) -> str:
    """Return the MERGE statement of a table; its one parameter is a JSON list of rows.

    A change to a row that is not there, which lacks what a row must have, is dropped.
    """
    columns = list(table.columns)
    keys = [column for column in columns if column.primary_key]
    carried: dict[str, str] = table.info.get(CARRIED, {})
    taken = [_taken(column) for column in columns] + list(carried)
    declared = [f"{column.name} {_transport(column)}" for column in columns]
    declared += [f"{name} {kind}" for name, kind in carried.items()]
    matched = " AND ".join(f"old.{key.name} = new.{key.name}" for key in keys)
    whole = " AND ".join(
        f"new.{column.name} IS NOT NULL" for column in columns if _required(column)
    )
    updates = ", ".join(f"{c.name} = {merge_of(c)}" for c in columns if not c.primary_key)
    names = ", ".join(column.name for column in columns)
    values = ", ".join(_initial(column) for column in columns)
    return (
        f"MERGE INTO {qualified(table, schema)} AS old"  # noqa: S608 - names are our own
        f" USING (SELECT {', '.join(taken)}"
        f" FROM json_to_recordset(%s::json) AS r({', '.join(declared)})) AS new"
        f" ON {matched}"
        f" WHEN MATCHED THEN UPDATE SET {updates}"
        f" WHEN NOT MATCHED AND {whole} THEN INSERT ({names}) VALUES ({values})"
    )


def qualified(table: Table, schema: str | None) -> str:
    """Return a table's name, in a schema where one is given."""
    return table.name if schema is None else f"{quoted(schema)}.{table.name}"


def _taken(column: Column[Any]) -> str:
    # A document comes as text: its own JSON, or that in a string where it is a scalar.
    if isinstance(column.type, JSONB):
        return f"{column.name}::jsonb AS {column.name}"
    return column.name


def _transport(column: Column[Any]) -> str:
    if isinstance(column.type, JSONB):
        return "text"
    return str(column.type.compile(dialect=_DIALECT))


def _required(column: Column[Any]) -> bool:
    return not column.nullable and column.server_default is None


def _initial(column: Column[Any]) -> str:
    initial = initial_of(column)
    if initial is not None:
        return initial
    default = column.server_default
    if isinstance(default, DefaultClause) and isinstance(default.arg, TextClause):
        return f"coalesce(new.{column.name}, {default.arg.text})"
    return f"new.{column.name}"
