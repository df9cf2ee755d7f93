"""The gateway's tables in Postgres: made where they are missing, by whoever starts a gateway.

No journal can make them again: ``api_keys`` says who is let in, ``asked_requests`` which requests
were made already, ``push_configs`` who is told what becomes of a run. Readers of the views see none
of them.
"""

from __future__ import annotations

from typing import Final

import psycopg

from runfold.infra.database import own_tables
from runfold.infra.database.address import quoted
from runfold.infra.database.own_tables import Column, OwnTables
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

_ADDED: Final = (Column(KEYS, "last_refused_at", "timestamptz"),)


def ensure(url: str) -> None:
    """Make the tables where they are missing; any number of processes may call it.

    Raises GatewayTablesError with what to do where this user may not, and errors of psycopg.
    """
    own_tables.ensure(url, OwnTables(GATEWAY_TABLES, _MADE, _grant, _refused, _ADDED))


def _refused(why: str) -> GatewayTablesError:
    return GatewayTablesError(
        f"This user may not make the tables of the gateway ({why}): start a gateway, or "
        "say `runfold keys list`, once in the name of the tables' owner."
    )


def _grant(session: psycopg.Connection, schema: str) -> None:
    """Give the gateway's role what it needs."""
    name, read = role(schema, GATEWAY), role(schema, READ)
    if not exists(session, name):
        make(session, name)
    if exists(session, read):
        session.execute(f"GRANT {quoted(read)} TO {quoted(name)}".encode())
    own_tables.grant_rows(session, schema, GATEWAY_TABLES, name)
