"""Rows of tenants kept apart by Postgres itself: row-level security, forced, and roles for it.

Each table with a column for its tenant has two policies. One lets whoever works for the whole
deployment see every row: the tables' owner, the projector, the readers of all. The other shows a
member of the tenant's role the rows of one tenant. Which one follows from the login, or, for a
program that speaks for many, from ``SET LOCAL runfold.tenant``. Tables without a tenant have no
grant for that role.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from psycopg import Connection, errors

from runfold.infra.database.address import quoted
from runfold.infra.database.errors import SeparationError
from runfold.infra.database.roles import PROJECTOR, READ, exists, make, role

_log = logging.getLogger("runfold.infra.database")

TENANT: Final = "tenant"
"""The role that sees the rows of one tenant."""

LOGINS: Final = "tenant_logins"
"""The table that says whose rows a login sees: written by owners, read by nobody else."""

FUNCTION: Final = "tenant_of_session"
"""The function that policies ask for the tenant of a session."""

LOGIN: Final = "runfold_tenant_"
"""How the name of every tenant's login begins; 20 hexadecimal digits follow."""

SETTING: Final = "runfold.tenant"
"""What a program that speaks for many tenants sets, in each of its transactions."""

_RELEASE = 2
"""Counts the forms of what is made here."""

_ALL, _OWN = "runfold_all", "runfold_own"


@dataclass(frozen=True, slots=True)
class Separated:
    """What is kept apart: for each table its column, and whether a row without one is for all.

    ``views`` are SQL views over these tables alone; ``others`` are tables that no tenant reads.
    """

    tables: Mapping[str, str]
    shared: frozenset[str]
    views: Sequence[str]
    others: Sequence[str]


def is_on(connection: Connection, schema: str) -> bool:
    """Return whether the rows of a schema are kept apart, as far as it was begun."""
    row = connection.execute(
        "SELECT to_regproc(%s) IS NOT NULL", (f"{quoted(schema)}.{FUNCTION}",)
    ).fetchone()
    return bool(row and row[0])


def is_right(connection: Connection, schema: str, what: Separated) -> bool:
    """Return whether all of it is kept apart as this release does it."""
    row = connection.execute(
        "SELECT (SELECT count(*) FROM pg_class AS c WHERE c.relnamespace = to_regnamespace(%s)"
        " AND c.relname = ANY(%s) AND c.relrowsecurity AND c.relforcerowsecurity AND 2 = (SELECT"
        " count(*) FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polname = ANY(%s))),"
        " obj_description(to_regproc(%s), 'pg_proc')",
        (
            quoted(schema),
            list(what.tables),
            [_ALL, _OWN],
            f"{quoted(schema)}.{FUNCTION}",
        ),
    ).fetchone()
    return row is not None and tuple(row) == (len(what.tables), _said(what))


def turn_on(connection: Connection, schema: str, what: Separated) -> None:
    """Keep rows apart from here on; everything is made again as it must be, so it may repeat.

    The caller has a transaction open. Raises SeparationError, which says what to do, where this
    user may not do it, or where somebody has granted to everybody what no tenant may see.
    """
    name = role(schema, TENANT)
    try:
        with connection.transaction():
            if not exists(connection, name):
                make(connection, name)
            _make_function(connection, schema, name)
            for table, column in what.tables.items():
                _separate(connection, schema, table, column, shared=table in what.shared)
            _grant(connection, schema, name, what)
            place = f"{quoted(schema)}.{FUNCTION}()"
            _run(connection, f"COMMENT ON FUNCTION {place} IS '{_said(what)}'")
    except errors.InsufficientPrivilege as error:
        raise SeparationError(_advice(connection, schema, error)) from error
    _need_separate(connection, schema, name, what)


def turn_off(connection: Connection, schema: str, what: Separated) -> None:
    """Keep rows apart no more: the tenants' role may read nothing from here on."""
    name = role(schema, TENANT)
    there = quoted(schema)
    try:
        with connection.transaction():
            if exists(connection, name):
                _run(connection, f"REVOKE ALL ON ALL TABLES IN SCHEMA {there} FROM {quoted(name)}")
            for table in what.tables:
                for policy in (_ALL, _OWN):
                    _run(connection, f"DROP POLICY IF EXISTS {policy} ON {there}.{quoted(table)}")
                off = "NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY"
                _run(connection, f"ALTER TABLE {there}.{quoted(table)} {off}")
            for view in what.views:
                _run(connection, f"ALTER VIEW {there}.{quoted(view)} RESET (security_invoker)")
            _run(connection, f"DROP FUNCTION IF EXISTS {there}.{FUNCTION}()")
    except errors.InsufficientPrivilege as error:
        raise SeparationError(
            f"The rows of tenants are kept apart in the schema {schema!r}, and this user may not "
            "change that: start the projector once in the name of the tables' owner."
        ) from error


def _said(what: Separated) -> str:
    """Return what the function says of itself: which separation this is."""
    parts = (_RELEASE, sorted(what.tables.items()), sorted(what.shared), list(what.views))
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
    return f"whose rows a session sees; separation {digest}"


def _make_function(connection: Connection, schema: str, name: str) -> None:
    there, tenant = quoted(schema), quoted(name)
    logins, function = f"{there}.{LOGINS}", f"{there}.{FUNCTION}()"
    # A login that is a tenant's cannot choose another, nor where it is not known: roles belong to
    # the whole server, so it may be that of another database, or of one before a restore.
    bound = f"SELECT l.tenant_id FROM {logins} AS l WHERE l.login = session_user"  # noqa: S608 - our own names
    said = f"nullif(current_setting('{SETTING}', true), '')"
    chosen = f"CASE WHEN session_user !~ '^{LOGIN}[0-9a-f]{{20}}$' THEN {said} END"
    asked = f"SELECT coalesce(({bound}), {chosen})"
    safe = (
        "LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
    )
    for statement in (
        f"CREATE TABLE IF NOT EXISTS {logins} (login name PRIMARY KEY, tenant_id text NOT NULL)",
        f"CREATE OR REPLACE FUNCTION {function} RETURNS text {safe} AS $$ {asked} $$",
        f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC",
        f"GRANT EXECUTE ON FUNCTION {function} TO {tenant}",
    ):
        _run(connection, statement)


def _separate(
    connection: Connection, schema: str, table: str, column: str, *, shared: bool
) -> None:
    place = f"{quoted(schema)}.{quoted(table)}"
    # Asked once a statement, and not for every row.
    mine = f"{quoted(column)} = (SELECT {quoted(schema)}.{FUNCTION}())"
    own = f"{mine} OR ({quoted(column)} = '' AND (SELECT {quoted(schema)}.{FUNCTION}()) <> '')"
    ours = [each for name in (PROJECTOR, READ) if exists(connection, each := role(schema, name))]
    # Who could read the table before still can; a tenant's login has no grant of its own.
    everybody = {_owner(connection, place), *ours, *_strangers(connection, schema, table)}
    for statement in (
        f"DROP POLICY IF EXISTS {_ALL} ON {place}",
        f"DROP POLICY IF EXISTS {_OWN} ON {place}",
        (
            f"CREATE POLICY {_ALL} ON {place} TO {', '.join(map(quoted, sorted(everybody)))}"
            " USING (true) WITH CHECK (true)"
        ),
        (
            f"CREATE POLICY {_OWN} ON {place} FOR SELECT TO {quoted(role(schema, TENANT))}"
            f" USING ({own if shared else mine})"
        ),
        f"ALTER TABLE {place} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
    ):
        _run(connection, statement)


def _grant(connection: Connection, schema: str, name: str, what: Separated) -> None:
    there, tenant = quoted(schema), quoted(name)
    _run(connection, f"REVOKE ALL ON ALL TABLES IN SCHEMA {there} FROM {tenant}")
    _run(connection, f"GRANT USAGE ON SCHEMA {there} TO {tenant}")
    readable = list(what.tables)
    for view in what.views:
        place = f"{there}.{quoted(view)}"
        if kept := _strangers(connection, schema, view):
            # With their own rights they would see less, or nothing.
            _log.warning(
                "the view %s stays as it is, and tenants may not read it: %s may read it and need "
                "not be able to read its tables; make them members of %s instead",
                view, ", ".join(kept), role(schema, READ),
            )  # fmt: skip
            continue
        _run(connection, f"ALTER VIEW {place} SET (security_invoker = true)")
        readable.append(view)
    for table in readable:
        _run(connection, f"GRANT SELECT ON {there}.{quoted(table)} TO {tenant}")
    # Whoever reads everything may narrow a transaction to one tenant.
    for member in (quoted(role(schema, READ)), "CURRENT_USER"):
        _run(connection, f"GRANT {tenant} TO {member}")


def _need_separate(connection: Connection, schema: str, name: str, what: Separated) -> None:
    """Raise where the tenants' role may still read something that is not kept apart."""
    rows = connection.execute(
        "SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = to_regnamespace(%s)"
        " AND c.relkind IN ('r', 'v', 'm', 'p', 'f') AND NOT c.relname = ANY(%s)"
        " AND has_any_column_privilege(%s, c.oid, 'SELECT') ORDER BY 1",
        (quoted(schema), [*what.tables, *what.views], name),
    ).fetchall()
    if rows:
        names = ", ".join(str(found) for (found,) in rows)
        cure = "REVOKE SELECT ON ... FROM PUBLIC"
        raise SeparationError(
            f"Tenants could read {names}, which are not kept apart, by a grant to PUBLIC or to "
            f"{name}: take that grant away ({cure})."
        )


def _strangers(connection: Connection, schema: str, name: str) -> list[str]:
    """Return who may read a table or a view by a grant of their own, beside owner and our roles."""
    rows = connection.execute(
        "SELECT DISTINCT g.rolname FROM pg_class AS c, aclexplode(c.relacl) AS a"
        " JOIN pg_roles AS g ON g.oid = a.grantee"
        " WHERE c.oid = to_regclass(%s) AND a.grantee <> c.relowner"
        " AND a.privilege_type = 'SELECT' AND NOT g.rolname = ANY(%s) ORDER BY 1",
        (
            f"{quoted(schema)}.{quoted(name)}",
            [role(schema, each) for each in (READ, PROJECTOR, TENANT)],
        ),
    ).fetchall()
    return [str(name) for (name,) in rows]


def _owner(connection: Connection, place: str) -> str:
    row = connection.execute(
        "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = to_regclass(%s)", (place,)
    ).fetchone()
    return str(row[0]) if row else "CURRENT_USER"


def _advice(connection: Connection, schema: str, error: errors.InsufficientPrivilege) -> str:
    name = role(schema, TENANT)
    why = str(error).partition("\n")[0]
    if exists(connection, name):
        return (
            f"RUNFOLD_ROW_SECURITY is on, and this user may not keep the rows of tenants apart "
            f"({why}): start the projector once in the name of the tables' owner, to whom an "
            f"administrator has granted: GRANT {name} TO owner WITH ADMIN OPTION."
        )
    return (
        f"RUNFOLD_ROW_SECURITY is on, and this user may make no role ({why}): let an "
        f"administrator say CREATE ROLE {name} NOLOGIN; GRANT {name} TO owner WITH ADMIN OPTION, "
        "where owner is whose tables these are."
    )


def _run(connection: Connection, statement: str) -> None:
    connection.execute(statement.encode())
