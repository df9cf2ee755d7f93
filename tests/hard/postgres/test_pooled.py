"""A pool before Postgres gives each transaction another session, as the last one left it.

The double in tests/support proves it everywhere; a real pgbouncer where there is one.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from runfold.infra.database import migrate
from runfold.infra.database.address import in_schema
from runfold.processors.tool.claims.port import Told, Verdict
from runfold.processors.tool.claims.postgres import PostgresClaims
from runfold.projections import schema
from runfold.projections.store.reading.reader import ReaderConfig
from runfold.projections.store.rebuild import compare, rebuild
from runfold.projections.views import VIEWS
from runfold.stack.settings import Settings
from tests.projections.running import ROOT, ask, projector, wait_caught_up
from tests.support import journal
from tests.support.builders.history import CODEC
from tests.support.builders.seeded import history
from tests.support.pgbouncer import FOUND, MISSING, pgbouncer
from tests.support.pooling import pooled
from tests.tool.claims.owners import REQUEST, RESULT

pytestmark = pytest.mark.integration

KEPT = (
    "synchronous_commit",
    "search_path",
    "TimeZone",
    "DateStyle",
    "enable_seqscan",
    "enable_hashjoin",
    "plan_cache_mode",
    "statement_timeout",
    "lock_timeout",
)
"""Settings of a session that another program would feel."""


async def claim_many(url: str, owners: int = 3, calls: int = 40) -> list[object]:
    """Calls of several owners at once, each claimed, ended and asked for again."""

    async def call(claims: PostgresClaims, key: str) -> object:
        told = await claims.claim(replace(REQUEST, idempotency_key=key))
        assert told.held is not None
        await claims.finish(told.held, RESULT)
        return await claims.claim(replace(REQUEST, idempotency_key=key))

    async def owner(name: str) -> list[object]:
        async with PostgresClaims(url) as claims:
            return list(
                await asyncio.gather(
                    *(call(claims, f"{name}-{number}") for number in range(calls)),
                    return_exceptions=True,
                )
            )

    every = await asyncio.gather(*(owner(str(number)) for number in range(owners)))
    return [told for one in every for told in one]


def expect_answered(told: list[object]) -> None:
    """Every call got its claim and its own result back."""
    others = [each for each in told if not isinstance(each, Told)]
    assert others == []
    assert {each.verdict for each in told if isinstance(each, Told)} == {Verdict.ANSWERED}


def test_claims_are_taken_and_ended_whatever_session_they_get(database_url: str) -> None:
    with pooled(database_url) as pool:
        expect_answered(asyncio.run(claim_many(in_schema(pool.url, "runfold"))))
        assert pool.prepared() == []


def test_nothing_of_ours_stays_in_a_session(settings: Settings) -> None:
    journal.write(settings.bootstrap_servers, [history(number) for number in range(4)])
    with pooled(settings.database_url) as pool:
        before = {name: pool.settings(name) for name in KEPT}
        through = settings.at(settings.bootstrap_servers, pool.url)
        with projector(through):
            wait_caught_up(settings)
        asyncio.run(claim_many(through.database_url, owners=1))
        rebuild("runs", through.database_url, ReaderConfig(settings.kafka_config()), CODEC)
        assert {name: pool.settings(name) for name in KEPT} == before
        assert pool.prepared() == []


def test_views_are_kept_rebuilt_and_read_through_a_pool(settings: Settings) -> None:
    journal.write(settings.bootstrap_servers, [history(number) for number in range(6)])
    with pooled(settings.database_url) as pool:
        through = settings.at(settings.bootstrap_servers, pool.url)
        reader = ReaderConfig(settings.kafka_config())
        with projector(through):
            wait_caught_up(settings)
            for name in ("runs", "timeline", "tool_invocations"):
                rebuild(name, through.database_url, reader, CODEC)
        assert ask(settings, "SELECT count(*) FROM runs") == [(6,)]
        for name in VIEWS:
            assert compare(name, through.database_url, reader, CODEC).rows == 0
        engine = schema.engine(through.database_url)
        with engine.connect() as connection:
            for _ in range(10):
                found = connection.exec_driver_sql("SELECT count(*) FROM runs").scalar_one()
                assert found == 6
        engine.dispose()


def test_tables_are_made_through_a_pool_in_the_schema_that_is_named(database_url: str) -> None:
    with pooled(database_url) as pool:
        through = in_schema(pool.url, "elsewhere")
        schema.ensure(through)
        migrate.upgrade(through)
    query = "SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname !~ '^(pg_|information_)'"
    with psycopg.connect(database_url) as connection:
        assert connection.execute(query).fetchall() == [("elsewhere",)]


def test_one_module_connects_and_no_statement_is_for_a_session() -> None:
    own = (
        "infra/database/connection.py",
        # Whether a login can enter is tried by entering.
        "infra/database/reader.py",
        "infra/database/tenant_login.py",
        "stack/postgres/server.py",
    )
    rooms = ("events", "infra", "producers", "processors", "projections", "surfaces", "stack")
    found = [
        f"{file}: {line.strip()}"
        for room in rooms
        for file in (ROOT / room).rglob("*.py")
        if str(file.relative_to(ROOT)) not in own
        for line in file.read_text(encoding="utf-8").splitlines()
        if re.search(r"psycopg\.connect\(|create_engine\(|\bSET SESSION\b|\"SET (?!LOCAL)", line)
        and "SET TRANSACTION" not in line
    ]
    assert found == []


@pytest.mark.skipif(FOUND is None, reason=MISSING)
def test_a_real_pgbouncer_in_transaction_mode(settings: Settings, own_home: Path) -> None:
    journal.write(settings.bootstrap_servers, [history(number) for number in range(6)])
    with pgbouncer(settings.database_url, own_home) as url:
        through = settings.at(settings.bootstrap_servers, url)
        reader = ReaderConfig(settings.kafka_config())
        with projector(through):
            wait_caught_up(settings)
            expect_answered(asyncio.run(claim_many(through.database_url)))
            rebuild("runs", through.database_url, reader, CODEC)
        assert compare("runs", through.database_url, reader, CODEC).rows == 0
        with psycopg.connect(url, autocommit=True, prepare_threshold=None) as other:
            for _ in range(20):
                for name in ("enable_seqscan", "synchronous_commit"):
                    assert other.execute(f"SHOW {name}".encode()).fetchone() == ("on",)
                path = other.execute("SHOW search_path").fetchone()
                assert path == ('"$user", public',)
