"""The schema that holds Runfold's tables: made, taken over, or refused before anything is made.

Earlier releases kept their tables in ``public``. They are moved, not copied: nothing is written
again, and it is one transaction of the caller's.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import Connection

from runfold.infra.database.address import VARIABLE, quoted
from runfold.infra.database.errors import TablesClashError

__all__ = ["LOCK", "Part", "TablesClashError", "clashing", "is_ours", "schema_of", "take"]

_log = logging.getLogger("runfold.infra.database")

LOCK = 7_205_110_611
"""The advisory lock of whoever changes the schema; any number of our own will do."""

OLD_SCHEMA = "public"


@dataclass(frozen=True, slots=True)
class Part:
    """Tables that are made together: ``marker`` is the one that no other program would have.

    ``columns`` are some of the marker's, by which it is known for ours; ``views`` are SQL views
    over the tables, which are dropped before the tables move and are made again afterwards.
    ``keys`` are columns that tables have in every release: one without them is somebody else's.
    ``read`` are those of the tables that daily work only reads.
    """

    marker: str
    columns: tuple[str, ...]
    tables: tuple[str, ...]
    views: tuple[str, ...] = ()
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    read: tuple[str, ...] = ()


def take(connection: Connection, part: Part) -> str:
    """Hold the lock, and return the schema, which is there and has no table of somebody else's.

    Tables of this part that an earlier release left in ``public`` are moved into it. The caller has
    a transaction open. Raises TablesClashError before anything is made.
    """
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
    schema = schema_of(connection)
    taken = clashing(connection, schema, part)
    if taken:
        raise TablesClashError(
            f"The schema {schema!r} of this database already has {', '.join(taken)}, and they are "
            f"not Runfold's. Set {VARIABLE} to a schema that is free; it will be made."
        )
    if is_ours(connection, schema, part):
        return schema
    row = connection.execute("SELECT to_regnamespace(%s)", (quoted(schema),)).fetchone()
    if row is None or row[0] is None:
        # Not IF NOT EXISTS: that needs the right to make schemas also where there is nothing to do.
        connection.execute(f"CREATE SCHEMA {quoted(schema)}".encode())
    if is_ours(connection, OLD_SCHEMA, part) and schema != OLD_SCHEMA:
        _move(connection, schema, part)
    return schema


def schema_of(connection: Connection) -> str:
    """Return the first schema of the connection's search path, whether or not it exists yet."""
    row = connection.execute(
        "SELECT s FROM unnest(string_to_array(current_setting('search_path'), ',')) WITH ORDINALITY"
        " AS path(s, n) WHERE trim(s) <> '\"$user\"' ORDER BY n LIMIT 1"
    ).fetchone()
    return str(row[0]).strip().strip('"') if row else OLD_SCHEMA


def clashing(connection: Connection, schema: str, part: Part) -> list[str]:
    """Return what has a name of ours in a schema and is not ours."""
    if not is_ours(connection, schema, part):
        return sorted(_present(connection, schema, (*part.tables, *part.views)))
    wanted = [(table, column) for table, columns in part.keys.items() for column in columns]
    rows = connection.execute(
        "SELECT DISTINCT w.t FROM unnest(%s::text[], %s::text[]) AS w(t, c)"
        " JOIN pg_class r ON r.relname = w.t AND r.relnamespace = to_regnamespace(%s)"
        " WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = r.oid"
        " AND a.attname = w.c AND NOT a.attisdropped) ORDER BY 1",
        ([table for table, _ in wanted], [column for _, column in wanted], quoted(schema)),
    ).fetchall()
    return [str(name) for (name,) in rows]


def is_ours(connection: Connection, schema: str, part: Part) -> bool:
    """Whether a schema holds tables of ours: the marker is there, with its columns."""
    rows = connection.execute(
        "SELECT attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid"
        " WHERE c.relnamespace = to_regnamespace(%s) AND relname = %s AND NOT attisdropped",
        (quoted(schema), part.marker),
    ).fetchall()
    return set(part.columns) <= {str(name) for (name,) in rows}


def _present(
    connection: Connection, schema: str, names: Sequence[str], kinds: str = "rvmSfcp"
) -> list[str]:
    rows = connection.execute(
        "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE n.nspname = %s AND relname = ANY(%s) AND relkind::text = ANY(%s)",
        (schema, list(names), list(kinds)),
    ).fetchall()
    return [str(name) for (name,) in rows]


def _move(connection: Connection, schema: str, part: Part) -> None:
    for view in _present(connection, OLD_SCHEMA, part.views, kinds="v"):
        connection.execute(f"DROP VIEW {OLD_SCHEMA}.{view}".encode())
    moved = _present(connection, OLD_SCHEMA, part.tables, kinds="r")
    for table in moved:
        connection.execute(f"ALTER TABLE {OLD_SCHEMA}.{table} SET SCHEMA {quoted(schema)}".encode())
    _log.info("moved %d tables from %s to the schema %s", len(moved), OLD_SCHEMA, schema)
