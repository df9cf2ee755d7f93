"""Tables of claims of a newer release: an older one writes to them where they let it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from runfold.infra.database import layout, migrate
from runfold.infra.database.errors import TablesTooNewError
from runfold.infra.process.exit_codes import ExitCode
from runfold.processors.tool.claims.port import Verdict
from runfold.processors.tool.claims.postgres import PostgresClaims
from runfold.processors.tool.claims.slots import SlotRequest
from runfold.processors.tool.claims.turns import TurnRequest
from runfold.processors.tool.errors import ClaimsUnavailableError
from runfold.stack.settings import Settings
from tests.support.stack import wait_until
from tests.tool.claims.test_claims import REQUEST, RESULT, taken

pytestmark = pytest.mark.integration

NEXT = "9999"


def execute(url: str, *statements: str) -> None:
    with psycopg.connect(url) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def expand(url: str, oldest: str = migrate.HEAD) -> None:
    """Make the tables those of the next release, which adds what an older one leaves alone."""
    execute(
        url,
        "ALTER TABLE tool_claims ADD COLUMN seen_at timestamptz, "
        "ADD COLUMN weight integer NOT NULL DEFAULT 1",
        "ALTER TABLE table_versions ADD COLUMN IF NOT EXISTS oldest text",
        f"UPDATE table_versions SET version_num = '{NEXT}', oldest = '{oldest}'",
    )


def found(url: str) -> migrate.Version | None:
    with psycopg.connect(url) as connection:
        return migrate.version(connection)


def test_what_is_made_says_which_is_the_oldest_release_that_may_write(database_url: str) -> None:
    migrate.upgrade(database_url)
    assert found(database_url) == (migrate.HEAD, migrate.OLDEST)
    # Tables of releases that did not say it are for those who know them.
    execute(database_url, "ALTER TABLE table_versions DROP COLUMN oldest")
    assert found(database_url) == (migrate.HEAD, migrate.HEAD)
    migrate.upgrade(database_url)


def test_an_older_release_claims_in_tables_that_let_it(database_url: str) -> None:
    async def script() -> None:
        async with PostgresClaims(database_url) as claims:
            held = await taken(claims)
            await claims.finish(held, RESULT)
            assert (await claims.claim(REQUEST)).result == RESULT

    migrate.upgrade(database_url)
    expand(database_url)
    asyncio.run(script())
    migrate.upgrade(database_url)
    assert found(database_url) == (NEXT, migrate.HEAD)


def test_tables_of_older_releases_get_what_they_lack_with_its_rights(database_url: str) -> None:
    async def script() -> None:
        async with PostgresClaims(database_url) as claims:
            await taken(claims)
            assert await claims.slots.take(SlotRequest("", "scan", 1, "r", "r.1")) is not None
            assert (await claims.turns.take(TurnRequest("", "scan", 1, 1))).taken

    migrate.upgrade(database_url)
    execute(
        database_url,
        "DROP TABLE tool_slots",
        "DROP TABLE tool_turns",
        "UPDATE table_versions SET version_num = '0001', oldest = '0001'",
    )
    asyncio.run(script())
    assert found(database_url) == (migrate.HEAD, "0001")
    with psycopg.connect(database_url) as looking:
        for table in ("tool_slots", "tool_turns"):
            granted = "SELECT has_table_privilege('runfold_tools', %s, 'INSERT, DELETE')"
            assert looking.execute(granted, (table,)).fetchone() == (True,)


def test_the_release_before_goes_on_with_the_tables_of_this_one(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate.upgrade(database_url)
    monkeypatch.setattr(migrate, "HEAD", "0001")
    migrate.upgrade(database_url)
    assert found(database_url) == ("0003", "0001")


def test_tables_that_a_newer_release_keeps_to_itself_are_left_alone(database_url: str) -> None:
    async def script() -> None:
        async with PostgresClaims(database_url):
            pass

    migrate.upgrade(database_url)
    expand(database_url, oldest=NEXT)
    for attempt in (lambda: migrate.upgrade(database_url), lambda: asyncio.run(script())):
        with pytest.raises(TablesTooNewError, match=f"of version {NEXT}, this Runfold knows"):
            attempt()


def test_a_pool_ends_with_a_sentence_where_it_may_not_write(settings: Settings) -> None:
    migrate.upgrade(settings.database_url)
    expand(settings.database_url, oldest=NEXT)
    ended = subprocess.run(
        [sys.executable, "-m", "runfold.processors.tool"],
        env={**os.environ, **settings.to_env(), "RUNFOLD_LOG_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert ended.returncode == ExitCode.WRONG_SETTINGS, ended.stderr
    assert f"of version {NEXT}, this Runfold knows" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_calls_are_held_where_the_tables_became_too_new_meanwhile(database_url: str) -> None:
    async def script() -> None:
        async with PostgresClaims(database_url) as claims:
            assert (await claims.claim(REQUEST)).verdict is Verdict.RUN
            expand(database_url, oldest=NEXT)
            with psycopg.connect(database_url, autocommit=True) as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            for _ in range(2):
                with pytest.raises(ClaimsUnavailableError, match=f"of version {NEXT}"):
                    await claims.claim(REQUEST)

    asyncio.run(script())


@pytest.mark.parametrize("oldest", [migrate.HEAD, NEXT])
def test_of_two_releases_that_start_at_once_the_newer_one_s_tables_stay(
    database_url: str, oldest: str
) -> None:
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with (
        ThreadPoolExecutor(1) as older,
        psycopg.connect(database_url) as looking,
        psycopg.connect(database_url) as newer,
    ):
        looking.autocommit = True
        newer.execute("SELECT pg_advisory_xact_lock(%s)", (layout.LOCK,))
        # It sees no tables, and waits for whoever makes them now.
        upgrade = older.submit(migrate.upgrade, database_url)
        wait_until(lambda: looking.execute(waiting).fetchone() == (1,))
        newer.execute("CREATE SCHEMA runfold")
        newer.execute(
            "CREATE TABLE tool_claims (tool text, idempotency_key text, arguments_digest bytea,"
            " token text)"
        )
        newer.execute("CREATE TABLE tool_claim_owners (owner text, lives_until timestamptz)")
        newer.execute("CREATE TABLE table_versions (version_num text, oldest text)")
        newer.execute("INSERT INTO table_versions VALUES (%s, %s)", (NEXT, oldest))
        newer.commit()
        if oldest == NEXT:
            with pytest.raises(TablesTooNewError):
                upgrade.result()
        else:
            upgrade.result()
    assert found(database_url) == (NEXT, oldest)
