"""Whether a database can be used, asked before anything relies on it: one sentence for each no.

``need`` is called by ``runfold up``, by ``runfold.stack.prepare`` and by each process that writes
tables; ``runfold doctor`` asks ``problems``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import psycopg

from runfold.infra.database import layout
from runfold.infra.database.address import VARIABLE, quoted
from runfold.infra.database.connection import Session, transaction
from runfold.infra.database.errors import DatabaseAwayError, DatabaseUnfitError
from runfold.infra.database.faults import fault_of
from runfold.infra.database.layout import Part

OLDEST = 15
"""The first release of Postgres that knows MERGE, by which views are written."""

WAIT_S = 30.0
"""How long a process waits at its start for a database that is away."""

_PAUSE_S = 0.5
_FOR_GOOD = (
    "authentication failed",
    "no password supplied",
    "pg_hba.conf",
    "does not exist",
    "no such",
    "not permitted to log in",
    "invalid",
)
"""Words of refusals at the door that waiting does not change; libpq gives no code with them."""

_FACTS = """
    SELECT current_setting('server_version_num')::integer / 10000,
        current_setting('server_encoding'), pg_is_in_recovery(),
        current_setting('transaction_read_only') = 'on', current_user::text,
        current_database()::text,
        to_regnamespace(%(quoted)s) IS NOT NULL,
        coalesce(has_schema_privilege(to_regnamespace(%(quoted)s), 'USAGE'), true),
        coalesce(has_schema_privilege(to_regnamespace(%(quoted)s), 'CREATE'),
            has_database_privilege(current_database(), 'CREATE'))"""

_NOT_WRITABLE = """
    SELECT relname::text FROM pg_class WHERE relnamespace = to_regnamespace(%s)
    AND relname = ANY(%s) AND relkind IN ('r', 'p') AND NOT (has_table_privilege(oid, 'SELECT')
        AND has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'UPDATE'))
    ORDER BY 1"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found of a database, for one user and one schema."""

    release: int
    encoding: str
    standby: bool
    read_only: bool
    user: str
    database: str
    has_schema: bool
    may_use: bool
    may_create: bool


def need(
    url: str,
    parts: Sequence[Part] = (),
    wait_s: float = 0.0,
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Return once the database can be used for these tables.

    One that is away is waited for, and ``tell`` hears of it. Raises DatabaseAwayError after
    ``wait_s``, and DatabaseUnfitError at once for what no waiting can change.
    """
    until = time.monotonic() + wait_s
    said = ""
    while True:
        try:
            _need_now(url, parts)
        except DatabaseAwayError as away:
            if time.monotonic() >= until:
                raise
            if str(away) != said:
                said = str(away)
                tell(f"waiting for the database: {said}")
            time.sleep(_PAUSE_S)
        else:
            return


def problems(session: psycopg.Connection, parts: Sequence[Part]) -> Iterator[str]:
    """Say what keeps a database from being used; the caller has a transaction open."""
    schema = layout.schema_of(session)
    facts = _facts(session, schema)
    found = list(judge(facts, schema, made=_made(session, schema, parts)))
    yield from found
    if not found:
        for part in parts:
            yield from _tables(session, schema, part, facts.user)


def judge(facts: Facts, schema: str, *, made: bool) -> Iterator[str]:
    """Say what is wrong with a database as a whole."""
    if why := _no_writes(facts):
        yield why
    if facts.release < OLDEST:
        yield (
            f"This is Postgres {facts.release}, and Runfold needs {OLDEST} or newer: name another "
            "server in DATABASE_URL, or bring this one up to date."
        )
    if facts.encoding != "UTF8":
        yield (
            f"The database {facts.database!r} keeps text as {facts.encoding}, which cannot hold "
            "every text: make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and "
            "name it in DATABASE_URL."
        )
    if not facts.may_use:
        yield (
            f"The user {facts.user!r} may not use the schema {schema!r}: GRANT USAGE ON SCHEMA "
            f"{quoted(schema)} TO {quoted(facts.user)}, or make the user a member of a role of "
            "Runfold's."
        )
    elif not made and not facts.may_create:
        yield _no_right(facts, schema)


def _no_right(facts: Facts, schema: str) -> str:
    if facts.has_schema:
        return (
            f"The user {facts.user!r} may not make tables in the schema {schema!r}: GRANT CREATE, "
            f"USAGE ON SCHEMA {quoted(schema)} TO {quoted(facts.user)}."
        )
    return (
        f"The user {facts.user!r} may not make the schema {schema!r} in the database "
        f"{facts.database!r}: have its owner run CREATE SCHEMA {quoted(schema)} AUTHORIZATION "
        f"{quoted(facts.user)}, or GRANT CREATE ON DATABASE {quoted(facts.database)} TO "
        f"{quoted(facts.user)}."
    )


def _need_now(url: str, parts: Sequence[Part]) -> None:
    try:
        with Session.to(url) as session, transaction(session):
            if why := _no_writes(_facts(session, layout.schema_of(session))):
                raise DatabaseAwayError(why)
            found = list(problems(session, parts))
    except psycopg.Error as error:
        raise (_at_the_door(error) if error.sqlstate is None else fault_of(error)) from error
    if found:
        raise DatabaseUnfitError(" ".join(found))


def _facts(session: psycopg.Connection, schema: str) -> Facts:
    row = session.execute(_FACTS, {"quoted": quoted(schema)}).fetchone()
    assert row is not None
    return Facts(*row)


def _no_writes(facts: Facts) -> str:
    if facts.standby:
        return (
            "This server is a standby, which takes no writes: name both servers, as in "
            "postgresql://user:password@one,two/database?target_session_attrs=read-write."
        )
    if facts.read_only:
        return (
            f"The database {facts.database!r} takes no writes (default_transaction_read_only is "
            f"on for it or for {facts.user!r}): some hosts set that when the disk is full; make "
            "room, or ALTER DATABASE … RESET default_transaction_read_only."
        )
    return ""


def _at_the_door(error: psycopg.Error) -> Exception:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    said = next((line for line in lines if "FATAL" in line), lines[0]).strip()
    if any(words in said for words in _FOR_GOOD):
        return DatabaseUnfitError(f"Postgres lets nobody in by DATABASE_URL: {said}.")
    return DatabaseAwayError(
        f"Postgres does not answer ({said}): start it, or check the address in DATABASE_URL."
    )


def _made(session: psycopg.Connection, schema: str, parts: Sequence[Part]) -> bool:
    return bool(parts) and all(layout.is_ours(session, schema, part) for part in parts)


def _tables(session: psycopg.Connection, schema: str, part: Part, user: str) -> Iterator[str]:
    clashing = layout.clashing(session, schema, part)
    if clashing:
        yield (
            f"The schema {schema!r} of this database already has {', '.join(clashing)}, and they "
            f"are not Runfold's. Set {VARIABLE} to a schema that is free; it will be made."
        )
    elif layout.is_ours(session, schema, part):
        written = [table for table in part.tables if table not in part.read]
        rows = session.execute(_NOT_WRITABLE, (quoted(schema), written)).fetchall()
        if rows:
            names = ", ".join(name for (name,) in rows)
            yield (
                f"The user {user!r} may not write {names} in the schema {schema!r}: make the user "
                f"a member of {schema}_projector or {schema}_tools."
            )
