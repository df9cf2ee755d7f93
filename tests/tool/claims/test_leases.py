"""A lease means the same whatever becomes of the database's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import TupleRow

from runfold.processors.tool.claims.connection import ClaimConnection
from runfold.processors.tool.claims.leases import Leases
from runfold.processors.tool.claims.port import Verdict
from runfold.processors.tool.claims.postgres import PostgresClaims
from tests.tool.claims.owners import REQUEST, RESULT, taken

HOURS = 3600.0
LEASE_S = 10.0


class Database:
    """A database whose clock is set by hand, and the process that asks it."""

    def __init__(self) -> None:
        self.now, self.passed = 1_000_000.0, 50.0
        self.leases = Leases(LEASE_S, lambda: self.passed)
        self.until: float | None = None
        self.look()

    def renew(self) -> None:
        self.until = self.now + LEASE_S

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.passed += seconds

    def look(self, asked_before: float = 0.0) -> bool:
        self.leases.read(self.now, self.passed - asked_before)
        return self.leases.lives("other", self.until, self.now)


def test_an_owner_lives_as_long_as_its_lease_and_no_longer() -> None:
    database = Database()
    assert not database.look()
    database.renew()
    assert database.look()
    database.passes(LEASE_S - 1)
    assert database.look()
    database.passes(2)
    assert not database.look()
    database.renew()
    assert database.look()


def test_set_ahead_nobody_is_dead_before_it_could_renew(caplog: pytest.LogCaptureFixture) -> None:
    database = Database()
    database.renew()
    database.now += 2 * HOURS
    assert database.look()
    assert "clock was set ahead by 7200 s" in caplog.messages[0]
    database.passes(LEASE_S - 1)
    assert database.look()
    database.passes(2)
    assert not database.look()


def test_set_back_a_dead_owner_stays_dead(caplog: pytest.LogCaptureFixture) -> None:
    database = Database()
    database.renew()
    assert database.look()
    database.now -= 2 * HOURS
    assert database.look()
    assert "clock was set back by 7200 s" in caplog.messages[0]
    database.passes(LEASE_S)
    assert not database.look()
    database.renew()
    assert database.look()


def test_set_back_before_anybody_looked_a_lease_ends_all_the_same() -> None:
    database = Database()
    database.until = database.now + 2 * HOURS
    assert database.look()
    database.passes(4 * LEASE_S - 1)
    assert database.look()
    database.passes(2)
    assert not database.look()


def test_a_longer_lease_of_another_process_is_believed_while_it_is_renewed() -> None:
    database = Database()
    for _ in range(20):
        database.until = database.now + 8 * LEASE_S
        assert database.look()
        database.passes(2 * LEASE_S)
        assert database.look()


def test_a_slow_answer_is_no_jump(caplog: pytest.LogCaptureFixture) -> None:
    database = Database()
    database.renew()
    database.passes(20)
    assert not database.look(asked_before=20)
    assert not database.look()
    assert caplog.messages == []


def test_who_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runfold.processors.tool.claims.leases._MOST_SEEN", 3)
    leases = Leases(LEASE_S, lambda: 0.0)
    for number in range(10):
        assert leases.lives(str(number), 5.0, 1.0)
        assert len(leases._seen) <= 3


class Set(ClaimConnection):
    """Asks a database whose clock is a function of the test."""

    async def _asked(  # type: ignore[override]
        self, connection: psycopg.AsyncConnection[TupleRow], query: str, values: Sequence[object]
    ) -> list[TupleRow]:
        query = query.replace("now()", "set_clock.now()")
        return await super()._asked(connection, query, values)  # type: ignore[arg-type]


def set_clock(url: str, hours: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS set_clock")
        connection.execute(
            sql.SQL(
                "CREATE OR REPLACE FUNCTION set_clock.now() RETURNS timestamptz LANGUAGE sql"
                " AS $$ SELECT pg_catalog.now() + interval '{} hours' $$"
            ).format(sql.Literal(hours))
        )


def claims_on(url: str) -> PostgresClaims:
    claims = PostgresClaims(url, lease_s=2.0)
    claims._connection = Set(url)
    return claims


@pytest.mark.integration
def test_a_database_set_ahead_takes_no_claim_from_who_lives(database_url: str) -> None:
    async def script() -> None:
        set_clock(database_url, 0)
        async with claims_on(database_url) as first, claims_on(database_url) as second:
            held = await taken(first)
            set_clock(database_url, 2)
            for _ in range(60):
                assert (await second.claim(REQUEST)).verdict is Verdict.BUSY
                await asyncio.sleep(0.05)
            await first.finish(held, RESULT)
            assert (await second.claim(REQUEST)).result == RESULT

    asyncio.run(script())


@pytest.mark.integration
def test_a_database_set_back_keeps_no_dead_owner_alive(database_url: str) -> None:
    async def script() -> None:
        set_clock(database_url, 0)
        async with claims_on(database_url) as first, claims_on(database_url) as second:
            await taken(first)
            assert first._renewal is not None
            first._renewal.cancel()
            set_clock(database_url, -2)
            verdict = Verdict.BUSY
            for _ in range(1200):
                verdict = (await second.claim(REQUEST)).verdict
                if verdict is not Verdict.BUSY:
                    break
                await asyncio.sleep(0.05)
            assert verdict is Verdict.UNCERTAIN

    asyncio.run(script())
