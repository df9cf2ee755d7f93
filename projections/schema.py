"""The tables as they stand in the database, and the release of them."""

from __future__ import annotations

import psycopg
from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import dialect
from sqlalchemy.engine import Connection

from runfold.infra.database import layout, reader, roles
from runfold.infra.database.connection import engine
from runfold.infra.database.layout import Part
from runfold.projections import releases, separating
from runfold.projections.commenting import comment_on_tables, comment_on_views
from runfold.projections.releases import VERSION
from runfold.projections.sql_views import SQL_VIEWS
from runfold.projections.summaries import due
from runfold.projections.tables import METADATA
from runfold.projections.tables.base import bulky_columns

__all__ = ["PART", "VERSION", "drop_sql_views", "engine", "ensure", "make_sql_views", "storage_of"]

_DIALECT = dialect()  # type: ignore[no-untyped-call]

_DROPPED_INDEXES = ("run_events_by_call", "policy_decisions_by_call", "runs_by_status")
"""Indexes of earlier releases; what they cost and who asked is in docs/adr/0022."""

_CHANGED = (
    "ALTER TABLE projection_positions ADD COLUMN IF NOT EXISTS topic_id text NOT NULL DEFAULT ''",
    "ALTER TABLE runs ALTER cost_usd DROP NOT NULL, ALTER cost_usd DROP DEFAULT",
)
"""What earlier releases had otherwise; columns that they did not have are found by themselves."""

_RENAMED = (
    "ALTER TABLE {old} RENAME TO {new}",
    "ALTER TABLE {new} RENAME CONSTRAINT {old}_pkey TO {new}_pkey",
    "ALTER TABLE {new} RENAME CONSTRAINT {old}_idempotency_key TO {new}_idempotency_key",
    "ALTER INDEX {old}_by_run RENAME TO {new}_by_run",
    "ALTER INDEX {old}_by_tool RENAME TO {new}_by_tool",
)
"""How the table of tool calls got its name; ``tool_invocations`` is a view over it."""

PART = Part(
    marker="projection_schema",
    columns=("version", "made_at"),
    tables=("projection_schema", "tool_invocations", *METADATA.tables),
    views=tuple(SQL_VIEWS),
    keys={
        table.name: tuple(column.name for column in table.primary_key)
        for table in METADATA.tables.values()
    },
)
"""The tables of views."""


def ensure(url: str) -> None:
    """Make schema, tables, SQL views, roles and the login that reads where they are missing.

    It may be called by several processes at once, and any number of times. Tables of a newer
    release that lets this one write are left as they are. Raises SchemaTooNew where it does not,
    TablesClashError where they are somebody else's.
    """
    made = engine(url)
    try:
        with made.begin() as connection:
            _make(connection)
    finally:
        made.dispose()
    reader.ensure(url)


def storage_of(table: Table) -> list[str]:
    """Return what is to be said of a table, or of a copy of it, once it is made.

    Contents are not compressed: that costs more than all the rest of writing them.
    """
    return [
        f"ALTER TABLE {table.fullname} ALTER {column} SET STORAGE EXTERNAL"
        for column in bulky_columns(table)
    ]


def drop_sql_views(connection: psycopg.Connection) -> None:
    """Drop the SQL views: they hold on to the tables that they were made over."""
    for name in reversed(SQL_VIEWS):
        connection.execute(f"DROP VIEW IF EXISTS {name}".encode())


def make_sql_views(connection: psycopg.Connection) -> None:
    """Make the SQL views, in place of those that are there.

    Views of other people over them, and grants on them, stay where their columns do.
    """
    try:
        with connection.transaction():
            _make_sql_views(connection, "CREATE OR REPLACE VIEW")
    except psycopg.errors.InvalidTableDefinition:
        drop_sql_views(connection)
        _make_sql_views(connection, "CREATE VIEW")


def _make_sql_views(connection: psycopg.Connection, make: str) -> None:
    for name, query in SQL_VIEWS.items():
        connection.execute(f"{make} {name} AS {query}".encode())
    comment_on_views(connection)


def _make(connection: Connection) -> None:
    raw = connection.connection.driver_connection
    assert isinstance(raw, psycopg.Connection)
    # 1. A process with no right to make anything finds everything made.
    found = releases.found(raw)
    if found is not None and found.last == VERSION and found.version >= VERSION:
        return
    schema = layout.take(raw, PART)
    found = releases.found(raw)
    if found is not None and found.version >= VERSION:
        # Whoever may write, and make nothing, can do this.
        if found.version > VERSION:
            releases.need_usable(found)
        due.note_all(raw)
        releases.note(raw, found)
        return
    raw.execute(releases.TABLE)
    # 2. Tables and their storage, new ones and those of an earlier release.
    if found is not None:
        _rename(raw)
    METADATA.create_all(connection)
    if found is not None:
        _bring_up_to_date(connection, raw)
    for table in METADATA.tables.values():
        for statement in storage_of(table):
            raw.execute(statement.encode())
    # Positions change with every batch and should find room on their own page.
    raw.execute("ALTER TABLE projection_positions SET (fillfactor = 20)")
    # 3. SQL views, what everything says of itself, and who may read and write.
    make_sql_views(raw)
    if found is not None and found.last != VERSION:
        # Whoever wrote these rows noted no summaries.
        due.note_all(raw)
    comment_on_tables(raw)
    roles.grant(raw, schema)
    separating.keep(raw, schema)
    releases.note(raw, found)


def _rename(connection: psycopg.Connection) -> None:
    row = connection.execute(
        "SELECT relkind FROM pg_class WHERE oid = to_regclass('tool_invocations')"
    ).fetchone()
    if row is not None and row[0] in {"r", b"r"}:
        for statement in _RENAMED:
            words = statement.format(old="tool_invocations", new="tool_calls")
            connection.execute(words.encode())


def _added(connection: psycopg.Connection) -> list[str]:
    """Return what adds the columns that earlier releases did not have; a rebuild fills them."""
    rows = connection.execute(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = current_schema()"
    ).fetchall()
    there = {(str(table), str(column)) for table, column in rows}
    return [
        f"ALTER TABLE {table.name} ADD COLUMN IF NOT EXISTS {column.name}"
        f" {column.type.compile(_DIALECT)}"
        for table in METADATA.tables.values()
        for column in table.columns
        if column.nullable and (table.name, column.name) not in there
    ]


def _bring_up_to_date(connection: Connection, raw: psycopg.Connection) -> None:
    """Give tables of an earlier release the indexes and the storage of this one.

    Columns that were JSONB stay so until their view is rebuilt: it takes what is written as well,
    and no projector has to wait while every row is written again.
    """
    for statement in (*_CHANGED, *_added(raw)):
        raw.execute(statement.encode())
    for name in _DROPPED_INDEXES:
        raw.execute(f"DROP INDEX IF EXISTS {name}".encode())
    for table in METADATA.tables.values():
        for index in table.indexes:
            index.create(connection, checkfirst=True)
        for option, value in (table.dialect_options["postgresql"]["with"] or {}).items():
            raw.execute(f"ALTER TABLE {table.name} SET ({option} = {value})".encode())
