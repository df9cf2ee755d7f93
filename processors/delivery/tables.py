"""The tables of delivery in Postgres: made where they are missing, by the first that needs them.

No journal can make them again: they say what was sent. ``delivery_positions`` holds how far each
partition was read, and by whom; ``deliveries`` each event for each subscription, with how its last
attempt ended; ``delivery_attempts`` the attempts before the last; ``delivery_receivers`` since when
a receiver fails; ``notifications`` each event for each subscriber; ``push_browsers`` the browsers
that a person has subscribed, ``push_attempts`` what became of a notification at each of them. None
holds contents of a run.
"""

from __future__ import annotations

from typing import Final

import psycopg

from runfold.infra.database import own_tables
from runfold.infra.database.address import quoted
from runfold.infra.database.own_tables import Column, OwnTables
from runfold.infra.database.roles import (
    DELIVERY,
    DELIVERY_TABLES,
    GATEWAY,
    IDENTITY,
    exists,
    make,
    role,
)
from runfold.processors.delivery.errors import DeliveryTablesError

_MADE: Final = (
    """
    CREATE TABLE IF NOT EXISTS {schema}.delivery_positions (
        topic text NOT NULL,
        partition integer NOT NULL,
        next_offset bigint NOT NULL,
        owner text NOT NULL,
        added bigint NOT NULL DEFAULT 0,
        PRIMARY KEY (topic, partition)
    )""",
    """
    CREATE TABLE IF NOT EXISTS {schema}.deliveries (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        scope text NOT NULL,
        subscription text NOT NULL,
        run_id text NOT NULL,
        seq bigint NOT NULL,
        replay integer NOT NULL DEFAULT 0,
        tenant_id text NOT NULL,
        partition integer NOT NULL,
        journal_offset bigint NOT NULL,
        type text NOT NULL,
        status text NOT NULL,
        occurred_at timestamptz NOT NULL,
        state text NOT NULL DEFAULT 'open',
        attempts integer NOT NULL DEFAULT 0,
        due_at timestamptz,
        code integer,
        error text,
        took_ms integer,
        attempted_at timestamptz,
        UNIQUE (scope, subscription, run_id, seq, replay)
    )""",
    """
    CREATE INDEX IF NOT EXISTS deliveries_open ON {schema}.deliveries
        (partition, scope, subscription, number) WHERE state = 'open'
    """,
    """
    CREATE INDEX IF NOT EXISTS deliveries_log ON {schema}.deliveries (scope, subscription, number)
    """,
    """
    CREATE TABLE IF NOT EXISTS {schema}.delivery_attempts (
        number bigint NOT NULL,
        attempt integer NOT NULL,
        attempted_at timestamptz NOT NULL,
        code integer,
        error text,
        took_ms integer,
        PRIMARY KEY (number, attempt)
    )""",
    """
    CREATE TABLE IF NOT EXISTS {schema}.delivery_receivers (
        scope text NOT NULL,
        subscription text NOT NULL,
        failing_since timestamptz,
        last_ok_at timestamptz,
        disabled_at timestamptz,
        reason text,
        missing_secrets text[],
        PRIMARY KEY (scope, subscription)
    )""",
    """
    CREATE TABLE IF NOT EXISTS {schema}.notifications (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        scope text NOT NULL,
        subscriber text NOT NULL,
        event_id text NOT NULL,
        tenant_id text NOT NULL,
        run_id text NOT NULL,
        about text NOT NULL,
        said text NOT NULL,
        partition integer NOT NULL,
        occurred_at timestamptz NOT NULL,
        due_at timestamptz NOT NULL,
        state text NOT NULL DEFAULT 'open',
        attempts integer NOT NULL DEFAULT 0,
        claimed_by text,
        claimed_at timestamptz,
        error text,
        done_at timestamptz,
        UNIQUE (scope, subscriber, event_id)
    )""",
    """
    CREATE INDEX IF NOT EXISTS notifications_open ON {schema}.notifications (due_at)
        WHERE state IN ('open', 'sending')
    """,
    """
    CREATE TABLE IF NOT EXISTS {schema}.push_browsers (
        tenant_id text NOT NULL,
        browser text NOT NULL,
        user_id text NOT NULL,
        endpoint text NOT NULL,
        p256dh bytea NOT NULL,
        auth bytea NOT NULL,
        public_key text NOT NULL,
        label text NOT NULL,
        created_at timestamptz NOT NULL,
        last_ok_at timestamptz,
        PRIMARY KEY (tenant_id, browser)
    )""",
    """
    CREATE INDEX IF NOT EXISTS push_browsers_of ON {schema}.push_browsers (tenant_id, user_id)
    """,
    """
    CREATE TABLE IF NOT EXISTS {schema}.push_attempts (
        number bigint NOT NULL,
        browser text NOT NULL,
        state text NOT NULL,
        attempts integer NOT NULL DEFAULT 1,
        code integer,
        error text,
        attempted_at timestamptz NOT NULL,
        PRIMARY KEY (number, browser)
    )""",
)

_ADDED: Final = (
    # Secrets that are named and not there, as the process that sends last saw it.
    Column("delivery_receivers", "missing_secrets", "text[]"),
)


def ensure(url: str) -> None:
    """Make the tables where they are missing; any number of processes may call it.

    Raises DeliveryTablesError with what to do where this user may not, and errors of psycopg.
    """
    own_tables.ensure(url, OwnTables(DELIVERY_TABLES, _MADE, _grant, _refused, _ADDED))


def _refused(why: str) -> DeliveryTablesError:
    return DeliveryTablesError(
        f"This user may not make the tables of delivery ({why}): start "
        "`python -m runfold.processors.delivery` once in the name of the tables' owner."
    )


def _grant(session: psycopg.Connection, schema: str) -> None:
    """Give the role of delivery what it needs."""
    name, identity = role(schema, DELIVERY), f"{quoted(schema)}.{IDENTITY}"
    if not exists(session, name):
        make(session, name)
    own_tables.grant_rows(session, schema, DELIVERY_TABLES, name)
    if exists(session, role(schema, GATEWAY)):
        # It shows what was sent, and asks for it again.
        own_tables.grant_rows(session, schema, DELIVERY_TABLES, role(schema, GATEWAY))
    row = session.execute("SELECT to_regclass(%s)", (identity,)).fetchone()
    if row is not None and row[0] is not None:
        session.execute(f"GRANT SELECT ON {identity} TO {quoted(name)}".encode())
