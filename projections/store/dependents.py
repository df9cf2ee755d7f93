"""What people have made over the tables of a view, and what a rebuild does about it.

Where a table keeps its columns its rows are replaced, and everything over it stays. Where a column
has another type than in this release the table itself must be replaced: grants, indexes and
triggers are made again then, and whatever else depends on it is named before anything is folded.
"""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import Connection, sql

from runfold.projections.errors import RebuildRefused
from runfold.projections.sql_views import SQL_VIEWS
from runfold.projections.view import View

_COLUMNS = """
    SELECT attname, format_type(atttypid, atttypmod), attnotnull, atthasdef
    FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped"""

_OVER = """
    SELECT DISTINCT format('the view %%s.%%s', n.nspname, v.relname)
    FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_class v ON v.oid = r.ev_class JOIN pg_namespace n ON n.oid = v.relnamespace
    WHERE d.refobjid = ANY(%(all)s::regclass[]) AND v.oid <> ALL(%(all)s::regclass[])
    UNION SELECT format('a foreign key of %%s', conrelid::regclass)
    FROM pg_constraint WHERE contype = 'f' AND confrelid = ANY(%(tables)s::regclass[])
      AND conrelid <> ALL(%(tables)s::regclass[])
    UNION SELECT format('the policy %%s of %%s', polname, polrelid::regclass)
    FROM pg_policy WHERE polrelid = ANY(%(tables)s::regclass[])
    UNION SELECT format('the publication %%s', pubname)
    FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
    WHERE r.prrelid = ANY(%(tables)s::regclass[])
    ORDER BY 1"""

_GRANTS = """
    SELECT format('GRANT %%s ON %%s TO %%s%%s', a.privilege_type, c.oid::regclass,
        CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END,
        CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM pg_class c CROSS JOIN aclexplode(c.relacl) a
    WHERE c.oid = ANY(%s::regclass[]) AND a.grantee <> c.relowner ORDER BY 1"""

_INDEXES = """
    SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class c ON c.oid = indexrelid
    WHERE indrelid = to_regclass(%s) AND c.relname <> ALL(%s)"""

_TRIGGERS = """
    SELECT pg_get_triggerdef(oid) FROM pg_trigger
    WHERE tgrelid = to_regclass(%s) AND NOT tgisinternal"""


@dataclass(frozen=True, slots=True)
class Kept:
    """Statements that give a table in place of another what people had given to that one."""

    statements: tuple[str, ...]

    def give(self, connection: Connection) -> None:
        """Make again what was there."""
        for statement in self.statements:
            connection.execute(statement.encode())


def altered(connection: Connection, view: View, live: str, beside: str) -> bool:
    """Whether a live table cannot hold the rows of its copy as they are.

    Columns that somebody has added are no obstacle where a row may do without them.
    """
    return any(
        not _holds(_columns(connection, live, table.name), _columns(connection, beside, table.name))
        for table in view.tables
    )


def need_replaceable(connection: Connection, view: View, live: str) -> None:
    """Raise RebuildRefused where something hangs on the tables that could not be made again."""
    tables = _existing(connection, live, [table.name for table in view.tables])
    every = tables + _existing(connection, live, list(SQL_VIEWS))
    found = connection.execute(_OVER, {"tables": tables, "all": every}).fetchall()
    if found:
        raise RebuildRefused(
            f"The columns of {view.name} have changed since its tables were made, and "
            f"{', '.join(name for (name,) in found)} would be lost with them. Drop that, rebuild, "
            "and make it again. Nothing was folded or changed."
        )


def kept(connection: Connection, view: View, live: str) -> Kept:
    """Return what the tables of a view, and the SQL views, would lose if they were made again."""
    tables = [table.name for table in view.tables]
    over = _existing(connection, live, [*tables, *SQL_VIEWS])
    found: list[str] = []
    for table in view.tables:
        name = place(live, table.name)
        ours = [str(index.name) for index in table.indexes]
        ours += [str(limit.name) for limit in table.constraints] + [f"{table.name}_pkey"]
        for query, values in ((_INDEXES, (name, ours)), (_TRIGGERS, (name,))):
            found += [row[0] for row in connection.execute(query.encode(), values).fetchall()]
    found += [row[0] for row in connection.execute(_GRANTS, (over,)).fetchall()]
    return Kept(tuple(found))


def place(schema: str, name: str) -> str:
    """Return the whole name of a table as SQL writes it."""
    return sql.Identifier(schema, name).as_string()


def _holds(
    live: dict[str, tuple[str, bool, bool]], copy: dict[str, tuple[str, bool, bool]]
) -> bool:
    same = all(name in live and live[name][:2] == column[:2] for name, column in copy.items())
    others = (live[name] for name in live.keys() - copy.keys())
    return same and not any(needed and not default for _, needed, default in others)


def _columns(connection: Connection, schema: str, table: str) -> dict[str, tuple[str, bool, bool]]:
    rows = connection.execute(_COLUMNS, (place(schema, table),)).fetchall()
    return {name: (kind, needed, default) for name, kind, needed, default in rows}


def _existing(connection: Connection, schema: str, names: list[str]) -> list[str]:
    wanted = [place(schema, name) for name in names]
    rows = connection.execute(
        "SELECT n FROM unnest(%s::text[]) AS n WHERE to_regclass(n) IS NOT NULL", (wanted,)
    ).fetchall()
    return [str(row[0]) for row in rows]
