"""Rows into tables, within the transaction that a caller has open."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from msgspec import Raw
from psycopg import Cursor, DataError
from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import JSONB

from runfold.infra.database.connection import Session
from runfold.projections.errors import FoldError
from runfold.projections.rendering.readable import clean, json_text
from runfold.projections.store.rows.sql import (
    copy_into,
    copy_staged,
    insert_staged,
    merge_into,
    qualified,
    staging_of,
)
from runfold.projections.view import Batch, Row, Rows, View

_PIECE = 50
"""Lines that are sent at a time: some 50 KB."""


def fold(view: View, batch: Batch) -> Rows:
    """Return a view's rows of a batch; raises FoldError, and nothing else, where it cannot."""
    rows = Rows()
    fold_into(rows, view, batch)
    return rows


def fold_into(rows: Rows, view: View, batch: Batch) -> None:
    """Add a batch to a view's rows; where it raises FoldError, they cannot be used any more."""
    try:
        view.add(batch, rows)
    except Exception as error:
        raise FoldError(f"view {view.name}: {type(error).__name__}: {error}") from error


def write(cursor: Cursor, rows: Rows, schema: str | None = None) -> None:
    """Write rows; raises psycopg.DataError or IntegrityError for those Postgres cannot take."""
    rows.make_lines()
    for table, lines in rows.lines.items():
        if lines and _is_secured(cursor, table, schema):
            # COPY does not write where row-level security holds: by way of a table that has none.
            cursor.execute(staging_of(table, schema).encode())
            _copy(cursor, copy_staged(table), lines)
            cursor.execute(insert_staged(table, schema).encode())
        elif lines:
            _copy(cursor, copy_into(table, schema), lines)
    for table, merged in rows.merged.items():
        if merged:
            cursor.execute(merge_into(table, schema).encode(), (_as_list(table, merged),))


def _copy(cursor: Cursor, statement: str, lines: list[str]) -> None:
    with cursor.copy(statement.encode()) as copy:
        for piece in _pieces(lines):
            copy.write(piece)


def _is_secured(cursor: Cursor, table: Table, schema: str | None) -> bool:
    connection = cursor.connection
    known = connection.secured if isinstance(connection, Session) else {}
    name = qualified(table, schema)
    if name not in known:
        row = cursor.execute("SELECT row_security_active(%s)", (name,)).fetchone()
        known[name] = bool(row and row[0])
    return known[name]


def _pieces(lines: list[str]) -> Iterator[bytes]:
    # What libpq cannot send at once, it moves in its memory at every try.
    try:
        for start in range(0, len(lines), _PIECE):
            yield ("\n".join(lines[start : start + _PIECE]) + "\n").encode()
    except UnicodeEncodeError as error:
        raise DataError("a text holds half a character") from error


def cleaned(rows: Rows) -> Rows:
    """Return the same rows without what no text of Postgres can hold."""
    return Rows(
        appended={
            table: [tuple(_clean(value) for value in row) for row in appended]
            for table, appended in rows.appended.items()
        },
        lines={table: [clean(line) for line in lines] for table, lines in rows.lines.items()},
        changed={
            table: {
                key: {name: _clean(value) for name, value in row.items()}
                for key, row in changed.items()
            }
            for table, changed in rows.changed.items()
        },
    )


def _clean(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else value


def _as_list(table: Table, rows: list[Row]) -> str:
    """Return rows as a JSON list; a document stands in it as it is, unless it is a scalar."""
    documents = _documents(table)
    return json_text([_embedded(row, documents) for row in rows] if documents else rows)


def _embedded(row: Row, documents: tuple[str, ...]) -> Row:
    made = row
    for name in documents:
        value = row.get(name)
        if value is not None and value[0] in "{[":
            if made is row:
                made = row.copy()
            made[name] = Raw(value.encode())
    return made


@cache
def _documents(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns if isinstance(column.type, JSONB))
