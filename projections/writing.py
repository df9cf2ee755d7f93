"""Rows into tables, within the transaction that a caller has open."""

from __future__ import annotations

from typing import Any

from psycopg import Cursor

from projections.errors import FoldError
from projections.readable import clean, json_text
from projections.sql import copy_into, merge_into
from projections.view import Batch, Rows, View


def fold(view: View, batch: Batch) -> Rows:
    """Return a view's rows of a batch; raises FoldError, and nothing else, where it cannot."""
    try:
        return view.fold(batch)
    except Exception as error:
        raise FoldError(f"view {view.name}: {type(error).__name__}: {error}") from error


def write(cursor: Cursor, rows: Rows, schema: str | None = None) -> None:
    """Write rows; raises psycopg.DataError or IntegrityError for those Postgres cannot take."""
    for table, appended in rows.appended.items():
        if appended:
            with cursor.copy(copy_into(table, schema).encode()) as copy:
                for row in appended:
                    copy.write_row(row)
    for table, merged in rows.merged.items():
        if merged:
            cursor.execute(merge_into(table, schema).encode(), (_as_list(merged),))


def cleaned(rows: Rows) -> Rows:
    """Return the same rows without what no text of Postgres can hold."""
    return Rows(
        {
            table: [tuple(_clean(value) for value in row) for row in appended]
            for table, appended in rows.appended.items()
        },
        {
            table: [{name: _clean(value) for name, value in row.items()} for row in merged]
            for table, merged in rows.merged.items()
        },
    )


def _clean(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else value


def _as_list(rows: list[dict[str, Any]]) -> str:
    return json_text(rows)
