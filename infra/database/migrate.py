"""Brings the tables that no journal can make again to the version of this release.

Views are made again from the journal and have a release of their own (projections/schema.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import psycopg
from psycopg import errors

from runfold.infra.database import layout, roles
from runfold.infra.database.connection import engine
from runfold.infra.database.layout import Part

HEAD: Final = "0001"
"""The newest version in ``migrations/versions``."""

VERSIONS: Final = "table_versions"
"""The table in which Alembic notes the version."""

CURRENT: Final = "SELECT version_num FROM table_versions"
"""Asks for the version that is there; psycopg.errors.UndefinedTable says that there is none."""

PART: Final = Part(
    marker="tool_claims",
    columns=("idempotency_key", "arguments_digest", "token"),
    tables=("tool_claims", "tool_claim_owners", VERSIONS),
    keys={"tool_claims": ("idempotency_key",), "tool_claim_owners": ("lives_until",)},
)
"""The tables of claims."""


def upgrade(url: str) -> None:
    """Make the tables, or change those that are there, in one transaction.

    It may be called by several processes at once, and any number of times. Raises
    TablesClashError where tables with the same names are somebody else's.
    """
    made = engine(url)
    try:
        with made.begin() as connection:
            raw = connection.connection.driver_connection
            assert isinstance(raw, psycopg.Connection)
            if version(raw) == HEAD:
                return
            schema = layout.take(raw, PART)
            # Only a database that is new or old needs it, and it takes a moment to import.
            from alembic import command  # noqa: PLC0415
            from alembic.config import Config  # noqa: PLC0415

            config = Config(attributes={"connection": connection, "version_table": VERSIONS})
            config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
            command.upgrade(config, "head")
            roles.grant(raw, schema)
    finally:
        made.dispose()


def version(connection: psycopg.Connection) -> str | None:
    """Return the version of the tables that are there, None where there is none."""
    try:
        with connection.transaction():
            row = connection.execute(CURRENT).fetchone()
    except errors.UndefinedTable:
        return None
    return str(row[0]) if row else None
