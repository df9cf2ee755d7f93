"""The gateway's tables in Postgres: made where they are missing, by whoever starts a gateway.

No journal can make them again: ``api_keys`` says who is let in, ``asked_requests`` which requests
were made already, ``push_configs`` who is told what becomes of a run. Readers of the views see none
of them.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import psycopg
from psycopg import errors

from runfold.infra.database import layout
from runfold.infra.database.address import quoted
from runfold.infra.database.connection import Session, transaction
from runfold.infra.database.roles import GATEWAY, GATEWAY_TABLES, READ, exists, make, role
from runfold.infra.gateway.errors import GatewayTablesError

KEYS: Final = "api_keys"
ASKED: Final = "asked_requests"

_MADE: Final = (
    """
    CREATE TABLE IF NOT EXISTS {schema}.api_keys (
        key_id text PRIMARY KEY,
        digest bytea NOT NULL,
        name text NOT NULL,
        tenant_id text NOT NULL,
        user_id text NOT NULL,
        roles text[] NOT NULL,
        scopes text[] NOT NULL,
        created_at timestamptz NOT NULL,
        expires_at timestamptz,
        revoked_at timestamptz,
        rotated_to text,
        last_used_at timestamptz,
        last_refused_at timestamptz
    )""",
    """
    CREATE TABLE IF NOT EXISTS {schema}.asked_requests (
        scope text NOT NULL,
        key text NOT NULL,
        digest bytea NOT NULL,
        run_id text NOT NULL,
        leased_until timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        done boolean NOT NULL DEFAULT false,
        PRIMARY KEY (scope, key)
    )""",
    "CREATE INDEX IF NOT EXISTS asked_requests_by_expiry ON {schema}.asked_requests (expires_at)",
    """
    CREATE TABLE IF NOT EXISTS {schema}.push_configs (
        tenant_id text NOT NULL,
        run_id text NOT NULL,
        config_id text NOT NULL,
        user_id text NOT NULL,
        agent text NOT NULL,
        url text NOT NULL,
        created_at timestamptz NOT NULL,
        token text NOT NULL,
        scheme text NOT NULL,
        credentials text NOT NULL,
        seq bigint NOT NULL,
        owner text NOT NULL DEFAULT '',
        leased_until timestamptz NOT NULL DEFAULT 'epoch',
        ended_at timestamptz,
        ended_why text NOT NULL DEFAULT '',
        key_id text NOT NULL DEFAULT '',
        valid_until timestamptz,
        PRIMARY KEY (tenant_id, run_id, config_id)
    )""",
    """
    CREATE INDEX IF NOT EXISTS push_configs_by_lease
        ON {schema}.push_configs (leased_until) WHERE ended_at IS NULL""",
)


_CHANGED: Final = (
    "ALTER TABLE {schema}.api_keys ADD COLUMN IF NOT EXISTS last_refused_at timestamptz"
)
"""What an earlier release had otherwise. A release before this one writes to the table as well."""


def ensure(url: str) -> None:
    """Make the tables where they are missing; any number of processes may call it.

    Raises GatewayTablesError with what to do where this user may not, and errors of psycopg.
    """
    with Session.to(url) as session:
        try:
            with transaction(session):
                _ensure(session)
        except errors.InsufficientPrivilege as error:
            why = str(error).partition("\n")[0]
            raise GatewayTablesError(
                f"This user may not make the tables of the gateway ({why}): start a gateway, or "
                "say `runfold keys list`, once in the name of the tables' owner."
            ) from error


def _ensure(session: Session) -> None:
    schema = layout.schema_of(session)
    if _are_there(session, schema):
        _change(session, schema)
        return
    session.execute("SELECT pg_advisory_xact_lock(%s)", (layout.LOCK,))
    row = session.execute("SELECT to_regnamespace(%s)", (quoted(schema),)).fetchone()
    if row is None or row[0] is None:
        session.execute(f"CREATE SCHEMA {quoted(schema)}".encode())
    for statement in _MADE:
        session.execute(statement.format(schema=quoted(schema)).encode())
    _grant(session, schema)


def _are_there(session: Session, schema: str) -> bool:
    row = session.execute(
        "SELECT bool_and(to_regclass(t) IS NOT NULL) FROM unnest(%s::text[]) AS t",
        ([f"{quoted(schema)}.{table}" for table in GATEWAY_TABLES],),
    ).fetchone()
    return bool(row and row[0])


def _change(session: Session, schema: str) -> None:
    """Bring a table of an earlier release here; where this user may not, it goes without."""
    row = session.execute(
        "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass(%s)"
        " AND attname = 'last_refused_at' AND NOT attisdropped)",
        (f"{quoted(schema)}.{KEYS}",),
    ).fetchone()
    if row and row[0]:
        return
    with suppress(errors.InsufficientPrivilege), session.transaction():
        session.execute(_CHANGED.format(schema=quoted(schema)).encode())


def _grant(session: psycopg.Connection, schema: str) -> None:
    """Give the gateway's role what it needs; without the right to make roles, it goes without."""
    name = role(schema, GATEWAY)
    try:
        with session.transaction():
            if not exists(session, name):
                make(session, name)
            session.execute(f"GRANT USAGE ON SCHEMA {quoted(schema)} TO {quoted(name)}".encode())
            read = role(schema, READ)
            if exists(session, read):
                session.execute(f"GRANT {quoted(read)} TO {quoted(name)}".encode())
            for table in GATEWAY_TABLES:
                session.execute(
                    f"GRANT SELECT, INSERT, UPDATE, DELETE ON {quoted(schema)}.{table}"
                    f" TO {quoted(name)}".encode()
                )
    except errors.InsufficientPrivilege:
        return
