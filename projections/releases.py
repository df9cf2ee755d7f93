"""Which release of the tables is there, and which releases of the code may write to it.

A new release adds columns and tables that an older one can leave alone; it takes away what the one
before still uses only in the release after. So a deployment can go back by one step.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import psycopg

from runfold.projections.errors import SchemaTooNew

log = logging.getLogger(__name__)

VERSION = 9
"""The release of the tables that this code writes."""

OLDEST = 7
"""The oldest release whose code may write to these tables."""

TABLE = """
CREATE TABLE IF NOT EXISTS projection_schema
    (version integer NOT NULL, made_at timestamptz NOT NULL DEFAULT now(), oldest integer);
ALTER TABLE projection_schema ADD COLUMN IF NOT EXISTS oldest integer
"""


@dataclass(frozen=True, slots=True)
class Release:
    """The release of the tables, the oldest that may write to them, and the last that did."""

    version: int
    oldest: int
    last: int

    @property
    def is_usable(self) -> bool:
        """Whether this code may write to tables of a newer release."""
        return self.oldest <= VERSION < self.version


def found(connection: psycopg.Connection) -> Release | None:
    """Return what is there, None where there are no tables."""
    row = connection.execute("SELECT to_regclass('projection_schema')").fetchone()
    if row is None or row[0] is None:
        return None
    # A column that earlier releases did not have is null, as it is where none was said.
    row = connection.execute(
        "SELECT p.version, coalesce((to_jsonb(p) ->> 'oldest')::integer, p.version),"
        " (SELECT l.version FROM projection_schema l"
        " ORDER BY l.made_at DESC, l.version DESC LIMIT 1)"
        " FROM projection_schema p ORDER BY p.version DESC, p.made_at DESC LIMIT 1"
    ).fetchone()
    return Release(*row) if row else None


def need_usable(release: Release) -> None:
    """Raise SchemaTooNew unless this code may write to tables of a newer release."""
    if not release.is_usable:
        raise SchemaTooNew(
            f"The tables are of release {release.version}, this Runfold knows {VERSION}: "
            "upgrade it, or give it a database of its own."
        )


def note(connection: psycopg.Connection, release: Release | None) -> None:
    """Record that this code writes from now on, and say what that means for the rows."""
    if release is not None and release.last == VERSION:
        return
    if release is not None and release.is_usable:
        log.warning(
            "the tables are of release %d, this one is %d: rows that it writes lack what is new; "
            "`runfold rebuild` fills that after the upgrade",
            release.version,
            VERSION,
        )
    elif release is not None and release.version == VERSION:
        log.warning(
            "release %d has written to these tables in the meantime: `runfold rebuild` fills what "
            "its rows lack",
            release.last,
        )
    connection.execute(
        "INSERT INTO projection_schema (version, made_at, oldest)"
        " VALUES (%s, clock_timestamp(), %s)",
        (VERSION, OLDEST),
    )
