"""The one connection of an owner of claims: a statement at a time, reopened when it breaks.

A statement goes out with its settings in one message, which is a transaction: a pool between may
give each another session of the server, and nothing of ours stays in any.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from runfold.infra.database import migrate
from runfold.infra.database.address import quoted, schema_in
from runfold.infra.database.connection import arguments, plain
from runfold.infra.database.errors import TablesTooNewError
from runfold.infra.database.refusals import of_the_row
from runfold.processors.tool.errors import ClaimsUnavailableError


class ClaimConnection:
    """Opens itself with the first statement, and makes the tables then."""

    def __init__(self, url: str) -> None:
        self._url = plain(url)
        self._begin = _begin(schema_in(self._url))
        self._connection: psycopg.AsyncConnection[TupleRow] | None = None
        self._worked = False

    async def rows(self, query: LiteralString, values: tuple[object, ...]) -> list[TupleRow]:
        """Run one statement in a transaction of its own, again if the connection was broken.

        Raises psycopg.Error where the values are refused, TablesTooNewError where the first finds
        tables that a newer release keeps to itself, and ClaimsUnavailableError for anything else:
        what was asked may have been done all the same.
        """
        for last in (False, True):
            try:
                return await self._asked(await self._connected(), query, values)
            except psycopg.Error as error:
                if of_the_row(error):
                    raise
                await self.close()
                if last:
                    raise ClaimsUnavailableError(_why(error)) from error
            except TablesTooNewError as error:
                await self.close()
                if not self._worked:
                    raise
                # Upgraded meanwhile: calls are held until this process is, too.
                raise ClaimsUnavailableError(str(error)) from error
        raise AssertionError("unreachable")

    async def close(self) -> None:
        """Let the connection go; the next statement opens another."""
        if self._connection is not None:
            broken, self._connection = self._connection, None
            with contextlib.suppress(psycopg.Error):
                await broken.close()

    async def _connected(self) -> psycopg.AsyncConnection[TupleRow]:
        if self._connection is None:
            connection = await psycopg.AsyncConnection.connect(
                **arguments(self._url, connect_timeout=5),
                autocommit=True,
                cursor_factory=psycopg.AsyncClientCursor,
            )
            self._connection = connection
            await self._ensure(connection)
            self._worked = True
        return self._connection

    async def _ensure(self, connection: psycopg.AsyncConnection[TupleRow]) -> None:
        """Make the tables where they are missing; safe when several processes do it at once."""
        try:
            found = await self._asked(connection, migrate.CURRENT, ())
        except psycopg.errors.UndefinedTable:
            found = []
        if [row[0] for row in found] == [migrate.HEAD]:
            return
        if not (found and migrate.Version(*found[0]).is_usable):
            await asyncio.to_thread(migrate.upgrade, self._url)

    async def _asked(
        self,
        connection: psycopg.AsyncConnection[TupleRow],
        query: LiteralString,
        values: tuple[object, ...],
    ) -> list[TupleRow]:
        cursor = await connection.execute((self._begin + query).encode(), values or None)
        while cursor.nextset():
            pass
        return await cursor.fetchall()


def _begin(schema: str | None) -> str:
    """Return what goes before each statement: few words, since every call pays for them."""
    path = f"set_config('search_path', {_literal(quoted(schema))}, true), " if schema else ""
    # Conditions are judged on rows as they are, whatever isolation the database prefers.
    return (
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; "
        f"SELECT {path}set_config('lock_timeout', '0', true), "
        "set_config('statement_timeout', '0', true), "
        "set_config('synchronous_commit', CASE current_setting('synchronous_commit')"
        " WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true); "
    )


def _literal(text: str) -> str:
    return sql.Literal(text).as_string()


def _why(error: psycopg.Error) -> str:
    if error.sqlstate is None:
        return "The database of claims does not answer: check DATABASE_URL and that Postgres runs."
    said = str(error).strip().split("\n", 1)[0]
    return f"The database of claims cannot be used now ({said}): see `runfold doctor`."
