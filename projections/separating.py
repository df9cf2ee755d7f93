"""Which tables of the views are kept apart by tenant, and the tables brought to what is wanted."""

from __future__ import annotations

from psycopg import Connection

from runfold.infra.database import layout, separation
from runfold.infra.database.connection import Session, transaction
from runfold.infra.database.separation import Separated
from runfold.projections.sql_views import SQL_VIEWS
from runfold.projections.tables import METADATA

_COLUMNS = ("tenant_id", "tenant")


def _column(names: list[str]) -> str | None:
    return next((name for name in _COLUMNS if name in names), None)


_FOUND = {
    table.name: _column([column.name for column in table.columns])
    for table in METADATA.tables.values()
}

SEPARATED = Separated(
    tables={name: column for name, column in _FOUND.items() if column is not None},
    # Definitions without a tenant are everybody's.
    shared=frozenset(name for name, column in _FOUND.items() if column == "tenant"),
    views=tuple(SQL_VIEWS),
    others=tuple(name for name, column in _FOUND.items() if column is None),
)
"""Every table with a column for its tenant, and all SQL views: they are made of these alone."""


def settle(url: str, *, on: bool) -> None:
    """Keep the rows of tenants apart, or no more; where all is as it should be, nothing is done.

    Any number of processes may call it. Raises SeparationError with what to do.
    """
    with Session.to(url) as session, transaction(session):
        schema = layout.schema_of(session)
        if not _is_settled(session, schema, on=on):
            session.execute("SELECT pg_advisory_xact_lock(%s)", (layout.LOCK,))
            change = separation.turn_on if on else separation.turn_off
            change(session, schema, SEPARATED)


def keep(connection: Connection, schema: str) -> None:
    """Keep apart what was kept apart, after tables or views were made again."""
    if separation.is_on(connection, schema):
        separation.turn_on(connection, schema, SEPARATED)


def _is_settled(connection: Connection, schema: str, *, on: bool) -> bool:
    if not on:
        return not separation.is_on(connection, schema)
    return separation.is_right(connection, schema, SEPARATED)
