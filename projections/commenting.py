"""Comments of tables, views and columns, put where a database keeps them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import psycopg
from psycopg import sql

from runfold.projections.sql_comments import SQL_COMMENTS, table_comments
from runfold.projections.sql_views import SQL_VIEWS


def comment_on_tables(connection: psycopg.Connection) -> None:
    """Put on record what every table and column says, also on tables of an earlier release."""
    _execute(
        connection,
        [
            each
            for name, said, columns in table_comments()
            for each in _statements("TABLE", name, said, columns)
        ],
    )


def comment_on_views(connection: psycopg.Connection) -> None:
    """Put on record what every SQL view and each of its columns says."""
    rows = connection.execute(
        "SELECT c.relname::text, a.attname::text FROM pg_attribute AS a"
        " JOIN pg_class AS c ON c.oid = a.attrelid WHERE a.attnum > 0 AND NOT a.attisdropped"
        " AND c.oid IN (SELECT to_regclass(n) FROM unnest(%s::text[]) AS n)",
        (list(SQL_VIEWS),),
    ).fetchall()
    columns: dict[str, dict[str, str]] = {name: {} for name in SQL_VIEWS}
    for view, column in rows:
        if (said := SQL_COMMENTS[view].of(column)) is not None:
            columns[view][column] = said
    _execute(
        connection,
        [
            each
            for name, own in columns.items()
            for each in _statements("VIEW", name, SQL_COMMENTS[name].comment, own)
        ],
    )


def _statements(
    kind: str, name: str, said: str, columns: Mapping[str, str]
) -> Iterator[sql.Composable]:
    what = sql.SQL("VIEW" if kind == "VIEW" else "TABLE")
    yield sql.SQL("COMMENT ON {} {} IS {}").format(what, sql.Identifier(name), sql.Literal(said))
    for column, text in columns.items():
        place = sql.Identifier(name, column)
        yield sql.SQL("COMMENT ON COLUMN {} IS {}").format(place, sql.Literal(text))


def _execute(connection: psycopg.Connection, statements: list[sql.Composable]) -> None:
    # Some hundreds, in one trip.
    connection.execute(sql.SQL("; ").join(statements))
