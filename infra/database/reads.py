"""Who read what: a table that readers add to by a function and cannot change.

The login is what the server says. Everything else is what the reading program says of itself.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection, errors
from psycopg.rows import dict_row

from runfold.infra.database import layout
from runfold.infra.database.address import quoted
from runfold.infra.database.connection import Session, transaction
from runfold.infra.database.errors import ReadsError
from runfold.infra.database.roles import READ, exists, role
from runfold.infra.database.separation import TENANT

TABLE: Final = "reads"
FUNCTION: Final = "record_read"

_LONGEST = 2_000
_CONNECT_S = 3


@dataclass(frozen=True, slots=True)
class Read:
    """A read, as the program that makes it says: who, in whose scope, what, and what for.

    ``tenant`` is empty for a read across tenants, ``run_id`` for one that is not of a run;
    ``what`` is the command, with the query where it is one.
    """

    os_user: str
    host: str
    token_id: str
    claimed: str
    tenant: str
    run_id: str
    what: str
    purpose: str


def make(url: str) -> None:
    """Make table and function where they are missing; any number of processes may call it.

    Raises ReadsError where this user may not.
    """
    with Session.to(url) as session:
        try:
            with transaction(session):
                _make(session, layout.schema_of(session))
        except errors.InsufficientPrivilege as error:
            why = str(error).partition("\n")[0]
            raise ReadsError(
                f"RUNFOLD_READS is set, and this user may not make the table of reads ({why}): "
                "start the projector once in the name of the tables' owner."
            ) from error


def record(url: str, read: Read) -> None:
    """Put a read on record, durably; raises ReadsError or psycopg.Error where that cannot be."""
    values = tuple(value.replace("\0", "")[:_LONGEST] for value in astuple(read))
    with Session.to(url, _CONNECT_S) as session:
        try:
            # A login that only reads says so by default; this is the one thing that it adds.
            with transaction(session, "transaction_read_only = off", f"statement_timeout = {_MS}"):
                place = f"{quoted(layout.schema_of(session))}.{FUNCTION}"
                session.execute(f"SELECT {place}({_PLACES})".encode(), values)
        except (errors.UndefinedFunction, errors.InvalidSchemaName) as error:
            raise ReadsError(_NO_TABLE) from error


def listed(
    url: str,
    *,
    tenant: str | None = None,
    person: str | None = None,
    since: datetime | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """Return reads, the newest first, with all that a row has.

    Those of a ``tenant`` are in its scope or of one of its runs; a ``person`` is a user of the
    machine, a login, or who a token speaks for. Raises ReadsError without the table or the right.
    """
    with Session.to(url, _CONNECT_S) as session:
        try:
            with transaction(session, "transaction_read_only = on"):
                place = f"{quoted(layout.schema_of(session))}.{TABLE}"
                rows = session.cursor(row_factory=dict_row).execute(
                    _LISTED.format(place=place).encode(),
                    {"tenant": tenant, "person": person, "since": since, "limit": limit},
                )
                return rows.fetchall()
        except (errors.UndefinedTable, errors.InvalidSchemaName) as error:
            raise ReadsError(_NO_TABLE) from error
        except errors.InsufficientPrivilege as error:
            raise ReadsError(
                "This login may not see who read what: use one that is a member of the role "
                "that reads everything (docs/secured.md)."
            ) from error


_NO_TABLE = (
    "There is no table of reads here: set RUNFOLD_READS=record for the projector, and start it."
)
_LISTED = """
    SELECT at, login, os_user, host, token_id, claimed, tenant, run_id, what, purpose
    FROM {place}
    WHERE (%(tenant)s::text IS NULL OR tenant = %(tenant)s
           OR run_id IN (SELECT run_id FROM runs WHERE tenant_id = %(tenant)s))
      AND (%(person)s::text IS NULL OR %(person)s IN (os_user, login)
           OR right(claimed, length(%(person)s) + 1) = '/' || %(person)s)
      AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
    ORDER BY at DESC, id DESC LIMIT %(limit)s"""
_MS = _CONNECT_S * 1000
_PLACES = ", ".join(["%s"] * 8)


def _make(session: Connection, schema: str) -> None:
    there = quoted(schema)
    table, function = f"{there}.{TABLE}", f"{there}.{_SIGNATURE}"
    row = session.execute("SELECT to_regprocedure(%s) IS NOT NULL", (function,)).fetchone()
    if row is None or not row[0]:
        session.execute("SELECT pg_advisory_xact_lock(%s)", (layout.LOCK,))
        for statement in _made(table, function):
            session.execute(statement.encode())
    # The role of tenants may have come later.
    for name in (READ, TENANT):
        _let_record(session, role(schema, name), function)
    if exists(session, member := role(schema, READ)):
        _let_read(session, member, table)


def _made(table: str, function: str) -> tuple[str, ...]:
    columns = "os_user, host, token_id, claimed, tenant, run_id, what, purpose"
    texts = columns.replace(",", " text NOT NULL,") + " text NOT NULL"
    values = ", ".join(f"left(${number}, {_LONGEST})" for number in range(1, 9))
    insert = f"INSERT INTO {table} (login, {columns}) VALUES (session_user, {values})"  # noqa: S608 - our own names
    safe = "LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
    key = "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
    at = "at timestamptz NOT NULL DEFAULT clock_timestamp()"
    return (
        f"CREATE TABLE IF NOT EXISTS {table} ({key}, {at}, login text NOT NULL, {texts})",
        f"CREATE INDEX IF NOT EXISTS reads_by_run ON {table} (run_id) WHERE run_id <> ''",
        f"CREATE OR REPLACE FUNCTION {function} RETURNS void {safe} AS $$ {insert} $$",
        f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC",
    )


def _let_record(session: Connection, member: str, function: str) -> None:
    row = session.execute(
        "SELECT NOT has_function_privilege(r.oid, to_regprocedure(%s), 'EXECUTE')"
        " FROM pg_roles AS r WHERE r.rolname = %s",
        (function, member),
    ).fetchone()
    if row and row[0]:
        session.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {quoted(member)}".encode())


def _let_read(session: Connection, member: str, table: str) -> None:
    row = session.execute(
        "SELECT has_table_privilege(%s, to_regclass(%s), 'SELECT')", (member, table)
    ).fetchone()
    if row and not row[0]:
        session.execute(f"GRANT SELECT ON {table} TO {quoted(member)}".encode())


_SIGNATURE = f"{FUNCTION}({', '.join(['text'] * 8)})"
