"""The one connection of an owner of claims: a statement at a time, reopened when it breaks."""

from __future__ import annotations

import asyncio
import contextlib
from typing import LiteralString

import psycopg
from psycopg.rows import TupleRow

from runfold.infra.database import migrate
from runfold.processors.tool.errors import ClaimsUnavailableError

# Statements are planned once. What is right for a table that has just begun to grow would read
# all of it later on; rows are only ever wanted by their keys.
_BY_KEY: LiteralString = """
    SELECT set_config(name, 'off', false)
    FROM unnest('{enable_seqscan,enable_hashjoin,enable_mergejoin}'::text[]) AS name"""


async def ensure(connection: psycopg.AsyncConnection[TupleRow], url: str) -> None:
    """Make the tables where they are missing; safe when several processes do it at once."""
    try:
        row = await (await connection.execute(migrate.CURRENT)).fetchone()
    except psycopg.errors.UndefinedTable:
        row = None
    if row is None or row[0] != migrate.HEAD:
        await asyncio.to_thread(migrate.upgrade, url)


class ClaimConnection:
    """Opens itself with the first statement, and makes the tables then."""

    def __init__(self, url: str) -> None:
        self._url = url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._connection: psycopg.AsyncConnection[TupleRow] | None = None

    async def rows(self, query: LiteralString, values: tuple[object, ...]) -> list[TupleRow]:
        """Run one statement in a transaction of its own, again if the connection was broken.

        Raises ClaimsUnavailableError where the database does not answer; what was asked may have
        been done all the same.
        """
        for last in (False, True):
            try:
                connection = await self._connected()
                return await (await connection.execute(query, values)).fetchall()
            except psycopg.OperationalError as error:
                await self.close()
                if last:
                    raise ClaimsUnavailableError(
                        "The database of claims does not answer: check DATABASE_URL and "
                        "that Postgres runs."
                    ) from error
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
                self._url, autocommit=True, connect_timeout=5
            )
            await ensure(connection, self._url)
            await connection.execute(_BY_KEY)
            self._connection = connection
        return self._connection
