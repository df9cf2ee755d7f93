"""Brings the tables that no journal can make again to the version of this release.

A new version adds what an older release can leave alone: tables, and columns that may be null or
have a default. What it takes away goes in the version after the one that stopped using it. So a
deployment can go back by one step: the version says which is the oldest whose code may write.

Views are made again from the journal and have a release of their own (projections/schema.py).
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final, NamedTuple

import psycopg
from psycopg import errors

from runfold.infra.database import layout, roles
from runfold.infra.database.connection import engine
from runfold.infra.database.errors import TablesTooNewError
from runfold.infra.database.layout import Part

_log = logging.getLogger(__name__)

HEAD: Final = "0003"
"""The newest version in ``migrations/versions``."""

OLDEST: Final = "0001"
"""The oldest version whose code may write to these tables."""

VERSIONS: Final = "table_versions"
"""The table in which Alembic notes the version."""

CURRENT: Final = (
    "SELECT version_num, coalesce(to_jsonb(v) ->> 'oldest', version_num) FROM table_versions v"
)
"""Asks for the version that is there, and for the oldest that may write to the tables of it.

psycopg.errors.UndefinedTable says that there is none.
"""

PART: Final = Part(
    marker="tool_claims",
    columns=("idempotency_key", "arguments_digest", "token"),
    tables=("tool_claims", "tool_claim_owners", "tool_slots", "tool_turns", VERSIONS),
    keys={"tool_claims": ("idempotency_key",), "tool_claim_owners": ("lives_until",)},
    read=(VERSIONS,),
)
"""The tables of claims, slots and turns."""


def upgrade(url: str) -> None:
    """Make the tables, or change those that are there, in one transaction.

    It may be called by several processes at once, and any number of times. Raises
    TablesClashError where tables with the same names are somebody else's, TablesTooNewError where
    they are a newer release's that does not let this one write; where it does, they stay as they
    are.
    """
    made = engine(url)
    try:
        with made.begin() as connection:
            raw = connection.connection.driver_connection
            assert isinstance(raw, psycopg.Connection)
            if (found := version(raw)) is not None and found.number == HEAD:
                return
            schema = layout.take(raw, PART)
            # Another process, of this release or another, may have been at it until now.
            found = version(raw)
            if found is not None and found.number >= HEAD:
                need_usable(found)
                return
            # Only a database that is new or old needs it, and it takes a moment to import.
            from alembic import command  # noqa: PLC0415
            from alembic.config import Config  # noqa: PLC0415

            config = Config(attributes={"connection": connection, "version_table": VERSIONS})
            config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
            command.upgrade(config, "head")
            raw.execute("ALTER TABLE table_versions ADD COLUMN IF NOT EXISTS oldest text")
            raw.execute("UPDATE table_versions SET oldest = %s", (OLDEST,))
            roles.grant(raw, schema)
    finally:
        made.dispose()


class Version(NamedTuple):
    """The version of tables, and the oldest one whose code may write to them."""

    number: str
    oldest: str

    @property
    def is_usable(self) -> bool:
        """Whether this code may write to tables of a newer release."""
        return self.oldest <= HEAD < self.number


def need_usable(found: Version) -> None:
    """Raise TablesTooNewError where this code may not write to the tables that are there."""
    if found.number <= HEAD:
        return
    if not found.is_usable:
        raise TablesTooNewError(
            f"The tables of claims are of version {found.number}, this Runfold knows {HEAD}: "
            "upgrade it, or give it a database of its own."
        )
    _log.info("the tables of claims are of version %s, this release's %s", found.number, HEAD)


def version(connection: psycopg.Connection) -> Version | None:
    """Return the version of the tables that are there, None where there is none."""
    try:
        with connection.transaction():
            row = connection.execute(CURRENT).fetchone()
    except errors.UndefinedTable:
        return None
    return Version(str(row[0]), str(row[1])) if row else None
