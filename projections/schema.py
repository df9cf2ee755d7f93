"""The tables as they stand in the database, and the release of them."""

from __future__ import annotations

import psycopg
from sqlalchemy import Engine, Table, create_engine, text
from sqlalchemy.engine import Connection

from runfold.projections.errors import SchemaTooNew
from runfold.projections.tables import METADATA
from runfold.projections.tables.base import bulky_columns

VERSION = 4
"""The release of the tables that this code writes."""

# Any number of our own will do: it keeps two processes from making the tables at once.
_LOCK = 7_205_110_611

_DROPPED_INDEXES = ("run_events_by_call", "policy_decisions_by_call", "runs_by_status")
"""Indexes of earlier releases; what they cost and who asked is in docs/adr/0022."""

SQL_VIEWS: dict[str, str] = {
    "tool_calls_started_without_permit": """
        SELECT started.run_id, started.seq, started.call_id, started.time
        FROM run_events AS started
        WHERE started.type = 'ToolCallStarted' AND NOT EXISTS (
            SELECT FROM run_events AS permit
            WHERE permit.run_id = started.run_id AND permit.call_id = started.call_id
              AND permit.type = 'PolicyDecided' AND permit.fact->>'effect' = 'permit'
              AND permit.seq < started.seq)""",
    "run_metrics": """
        SELECT runs.run_id, runs.tenant_id, runs.agent, runs.status, runs.exit_status,
            runs.cost_usd, runs.input_tokens + runs.output_tokens AS total_tokens,
            extract(epoch FROM coalesce(runs.completed_at, runs.cancelled_at)
                - runs.created_at) * 1000 AS duration_ms,
            extract(epoch FROM runs.started_at - runs.created_at) * 1000 AS queue_ms,
            extract(epoch FROM (SELECT min(proposed_at) FROM tool_invocations AS t
                WHERE t.run_id = runs.run_id) - runs.created_at) * 1000 AS first_action_ms,
            (SELECT sum(latency_ms) FROM model_calls AS m
                WHERE m.run_id = runs.run_id) AS model_ms,
            (SELECT sum(latency_ms) FROM tool_invocations AS t
                WHERE t.run_id = runs.run_id) AS tool_ms
        FROM runs""",
}
"""SQL views over the tables: the audit's query [150], and cost and latency a run [153, 154]."""


def engine(url: str) -> Engine:
    """Return an SQLAlchemy engine on psycopg 3 for a Postgres address.

    The address may name several hosts, as libpq has it; SQLAlchemy's own parser would refuse it.
    """
    address = url.replace("postgresql+psycopg://", "postgresql://", 1)
    # A server that is cut off must not be waited for without end.
    return create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(address, connect_timeout=10)
    )


def ensure(url: str) -> None:
    """Make the tables where they are missing; raises SchemaTooNew where they are a newer release.

    It may be called by several processes at once, and any number of times.
    """
    made = engine(url)
    try:
        with made.begin() as connection:
            _make(connection)
    finally:
        made.dispose()


def storage_of(table: Table) -> list[str]:
    """Return what is to be said of a table, or of a copy of it, once it is made.

    Contents are not compressed: that costs more than all the rest of writing them.
    """
    return [
        f"ALTER TABLE {table.fullname} ALTER {column} SET STORAGE EXTERNAL"
        for column in bulky_columns(table)
    ]


def _make(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    connection.execute(
        text(
            "CREATE TABLE IF NOT EXISTS projection_schema"
            " (version integer NOT NULL, made_at timestamptz NOT NULL DEFAULT now())"
        )
    )
    found = connection.execute(text("SELECT max(version) FROM projection_schema")).scalar()
    if found is not None and found > VERSION:
        raise SchemaTooNew(
            f"The tables are of release {found}, this Runfold knows {VERSION}: "
            "upgrade it, or give it a database of its own."
        )
    if found == VERSION:
        return
    METADATA.create_all(connection)
    if found is not None:
        _bring_up_to_date(connection)
    for table in METADATA.tables.values():
        for statement in storage_of(table):
            connection.execute(text(statement))
    # Positions change with every batch and should find room on their own page.
    connection.execute(text("ALTER TABLE projection_positions SET (fillfactor = 20)"))
    for name, query in SQL_VIEWS.items():
        connection.execute(text(f"CREATE OR REPLACE VIEW {name} AS {query}"))
    connection.execute(
        text("INSERT INTO projection_schema (version) VALUES (:version)"), {"version": VERSION}
    )


def _bring_up_to_date(connection: Connection) -> None:
    """Give tables of an earlier release the indexes and the storage of this one.

    Columns that were JSONB stay so until their view is rebuilt: it takes what is written as well,
    and no projector has to wait while every row is written again.
    """
    for name in _DROPPED_INDEXES:
        connection.execute(text(f"DROP INDEX IF EXISTS {name}"))
    for table in METADATA.tables.values():
        for index in table.indexes:
            index.create(connection, checkfirst=True)
        for option, value in (table.dialect_options["postgresql"]["with"] or {}).items():
            connection.execute(text(f"ALTER TABLE {table.name} SET ({option} = {value})"))
