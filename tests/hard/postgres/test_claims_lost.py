"""Trouble with the database of claims says nothing about what a tool has done outside."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import psycopg
import pytest
from psycopg.errors import lookup
from psycopg.rows import TupleRow

from runfold.events.calls import Outcome
from runfold.processors.tool.claims.claimed import run_claimed
from runfold.processors.tool.claims.connection import ClaimConnection
from runfold.processors.tool.claims.port import Verdict
from runfold.processors.tool.claims.postgres import PostgresClaims
from runfold.processors.tool.claims.statements import END, TAKE
from runfold.processors.tool.ending import Ending
from runfold.processors.tool.errors import ToolRefusedError
from tests.tool.claims.owners import REQUEST, RESULT, verdict_after_a_renewal

pytestmark = pytest.mark.integration

PASSING = (
    "08006",  # the connection is gone
    "25006",  # the server is read-only for now
    "26000",  # a prepared statement is not in this session
    "40001",  # a conflict with another transaction
    "42501",  # a right was taken away
    "42P01",  # the tables are not there
    "42P05",  # a prepared statement is in this session already
    "53300",  # too many connections
    "57014",  # a time-out of the database
    "57P01",  # the server is shut down
)
"""States of the database, none of which is about what was asked."""


class Failing(ClaimConnection):
    """Fails what it is told to, with a class of error, as often as it is told to."""

    state, of, times = "", "", 0

    async def _asked(  # type: ignore[override]
        self, connection: psycopg.AsyncConnection[TupleRow], query: str, values: Sequence[object]
    ) -> list[TupleRow]:
        if query == self.of and self.times:
            self.times -= 1
            raise lookup(self.state)("refused for now")
        return await super()._asked(connection, query, values)  # type: ignore[arg-type]


def claims_on(url: str) -> tuple[PostgresClaims, Failing]:
    """Claims with a short lease, on a connection that can be made to fail."""
    claims, connection = PostgresClaims(url, lease_s=0.4), Failing(url)
    claims._connection = connection
    return claims, connection


@pytest.mark.parametrize("state", PASSING)
def test_a_claim_that_cannot_be_taken_now_holds_its_call(database_url: str, state: str) -> None:
    ran: list[str] = []

    async def run() -> Ending:
        ran.append("ran")
        return Ending(Outcome.SUCCEEDED, RESULT, effect=True)

    async def script() -> None:
        claims, connection = claims_on(database_url)
        async with claims:
            connection.state, connection.of, connection.times = state, TAKE.query, 2
            ending = await run_claimed(claims, REQUEST, run, 1)
            assert ending.outcome is Outcome.HELD
            assert ending.error is not None
            assert (ending.error.error_type, ending.error.retryable) == ("unavailable", True)
            assert ran == []
            # Whatever the lost answer was, the same call may be made as soon as it is released.
            assert await verdict_after_a_renewal(claims) is Verdict.RUN

    asyncio.run(script())


@pytest.mark.parametrize("state", PASSING)
def test_an_end_that_cannot_be_written_now_is_reported_and_written_later(
    database_url: str, state: str
) -> None:
    async def run() -> Ending:
        return Ending(Outcome.SUCCEEDED, RESULT, effect=True)

    async def script() -> None:
        claims, connection = claims_on(database_url)
        async with claims, PostgresClaims(database_url) as other:
            connection.state, connection.of, connection.times = state, END.query, 5
            ending = await run_claimed(claims, REQUEST, run, 1)
            assert (ending.outcome, ending.result) == (Outcome.SUCCEEDED, RESULT)
            assert await verdict_after_a_renewal(other) is Verdict.ANSWERED
            assert (await other.claim(REQUEST)).result == RESULT

    asyncio.run(script())


def test_what_can_never_be_claimed_is_refused_and_has_not_run(database_url: str) -> None:
    async def run() -> Ending:
        raise AssertionError("it must not run")

    async def script() -> None:
        async with PostgresClaims(database_url) as claims:
            with pytest.raises(ToolRefusedError, match="cannot be claimed"):
                await run_claimed(claims, replace(REQUEST, tenant_id="a\0b"), run, 1)

    asyncio.run(script())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("default_transaction_isolation", "serializable"),
        ("default_transaction_isolation", "repeatable read"),
        ("lock_timeout", "1ms"),
        ("client_encoding", "LATIN1"),
        ("standard_conforming_strings", "off"),
        ("bytea_output", "escape"),
        ("DateStyle", "German, DMY"),
        ("search_path", "nowhere"),
    ],
)
def test_claims_do_not_depend_on_what_the_database_prefers(
    database_url: str, name: str, value: str
) -> None:
    database = database_url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {database} SET {name} = '{value}'".encode())

    async def script() -> None:
        async with PostgresClaims(database_url) as claims:
            wanted = [replace(REQUEST, idempotency_key=f"é\\'{n}") for n in range(20)]
            told = await asyncio.gather(*(claims.claim(each) for each in wanted))
            ends = [claims.finish(each.held, RESULT) for each in told if each.held]
            await asyncio.gather(*ends)
            again = await asyncio.gather(*(claims.claim(each) for each in wanted))
            assert [each.result for each in again] == [RESULT] * 20

    asyncio.run(script())


def test_a_claim_is_durable_where_the_database_would_not_wait_for_its_disk(
    database_url: str,
) -> None:
    database = database_url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {database} SET synchronous_commit = off".encode())

    async def script() -> None:
        async with PostgresClaims(database_url) as claims:
            query = "SELECT current_setting('synchronous_commit')"
            assert await claims._connection.rows(query, ()) == [("on",)]

    asyncio.run(script())
