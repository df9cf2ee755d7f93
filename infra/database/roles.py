"""Roles with only what each needs, for people and processes to be made members of.

A role has no password and cannot log in: ``GRANT runfold_read TO analyst`` gives a login of yours
what it needs. Names begin with the schema's.
"""

from __future__ import annotations

import logging
from typing import Final

from psycopg import Connection, errors

from runfold.infra.database.address import quoted

_log = logging.getLogger("runfold.infra.database")

_CLAIMS: Final = ("tool_claims", "tool_claim_owners", "tool_slots", "tool_turns")

_VERSIONS: Final = "table_versions"

IDENTITY: Final = "deployment_identity"
"""The table that says which deployment a database is of: everybody reads it."""

READ: Final = "read"
"""Reads every table and view: analysts, dashboards."""

PROJECTOR: Final = "projector"
"""Keeps the views: everything but claims."""

TOOLS: Final = "tools"
"""Claims side effects, and sees nothing else."""

ROLES: Final = (READ, PROJECTOR, TOOLS)

GATEWAY: Final = "gateway"
"""Lets in whoever has an API key, and remembers requests; of the views it is READ, too."""

GATEWAY_TABLES: Final = ("api_keys", "asked_requests", "push_configs")
"""What the gateway alone reads and writes; made by the first that starts."""


OWNERS_TABLES: Final = ("reads", "tenant_logins")
"""What its owner alone writes: who read what, to which readers add by a function, and which login
is whose. A role that keeps the views could otherwise take itself out of the one, and see by the
other."""

DELIVERY: Final = "delivery"
"""Notes what was sent to receivers and subscribers, and sees nothing else."""

DELIVERY_TABLES: Final = (
    *("delivery_positions", "deliveries", "delivery_attempts", "delivery_receivers"),
    *("notifications", "push_browsers", "push_attempts"),
)
"""What delivery reads and writes; made by the first that starts."""

_OWN: Final = (*GATEWAY_TABLES, *DELIVERY_TABLES)
"""Tables that no reader of the views sees: they speak of all tenants."""


def role(schema: str, name: str) -> str:
    """Return the name of a role of a schema, as ``runfold_read``."""
    return f"{schema}_{name}"


def grant(connection: Connection, schema: str) -> bool:
    """Make the roles where they are missing and grant them what is there; return whether it could.

    Where the user may not make roles, the log says once which to make; the tables work without.
    The caller has a transaction open.
    """
    missing = [name for name in ROLES if not exists(connection, role(schema, name))]
    try:
        with connection.transaction():
            for name in missing:
                make(connection, role(schema, name))
            _grant(connection, schema)
    except errors.InsufficientPrivilege:
        names = ", ".join(role(schema, name) for name in missing) or schema
        _log.info("no roles were made or granted: this user may not; missing are %s", names)
        return False
    return True


def exists(connection: Connection, name: str) -> bool:
    """Whether the server knows a role."""
    found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))
    return found.fetchone() is not None


def make(connection: Connection, name: str) -> None:
    """Make a role that cannot log in."""
    # Roles belong to the whole server: another database's process may make the same one now.
    connection.execute(
        f"DO $$ BEGIN CREATE ROLE {quoted(name)} NOLOGIN;"
        " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$".encode()
    )


def _grant(connection: Connection, schema: str) -> None:
    read, projector, tools = (quoted(role(schema, name)) for name in ROLES)
    there = quoted(schema)
    tables = _tables(connection, schema)
    claims = [f"{there}.{quoted(table)}" for table in tables if table in _CLAIMS]
    own = [f"{there}.{quoted(table)}" for table in tables if table in _OWN]
    owners = [f"{there}.{quoted(table)}" for table in tables if table in OWNERS_TABLES]
    others = (*_CLAIMS, *_OWN, *OWNERS_TABLES, IDENTITY)
    views = [f"{there}.{quoted(table)}" for table in tables if table not in others]
    statements = [
        f"GRANT USAGE ON SCHEMA {there} TO {read}, {projector}, {tools}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {there} TO {read}",
    ]
    if own:
        statements.append(f"REVOKE ALL ON {', '.join(own)} FROM {read}, {projector}")
    if owners:
        # Earlier releases gave it everything that was neither of claims nor of the gateway.
        statements.append(f"REVOKE ALL ON {', '.join(owners)} FROM {projector}")
    if views:
        what = "SELECT, INSERT, UPDATE, DELETE"
        statements.append(f"GRANT {what} ON {', '.join(views)} TO {projector}")
    if claims:
        what = "SELECT, INSERT, UPDATE, DELETE"
        statements.append(f"GRANT {what} ON {', '.join(claims)} TO {tools}")
    if _VERSIONS in tables:
        statements.append(f"GRANT SELECT ON {there}.{quoted(_VERSIONS)} TO {tools}")
    if IDENTITY in tables:
        statements.append(f"GRANT SELECT ON {there}.{quoted(IDENTITY)} TO {projector}, {tools}")
    for statement in statements:
        connection.execute(statement.encode())


def _tables(connection: Connection, schema: str) -> list[str]:
    rows = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename", (schema,)
    ).fetchall()
    return [str(name) for (name,) in rows]
