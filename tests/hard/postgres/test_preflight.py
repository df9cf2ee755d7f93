"""A database that cannot be used is said to be so in one sentence, before anything is started."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import psycopg
import pytest

from runfold.infra.database import migrate
from runfold.infra.database.errors import DatabaseAwayError, DatabaseUnfitError
from runfold.infra.database.preflight import Facts, judge, need
from runfold.infra.process.exit_codes import ExitCode
from runfold.projections import schema
from runfold.projections.store.reading.reader import ReaderConfig
from runfold.projections.store.rebuild import compare
from runfold.projections.views import VIEWS
from runfold.stack.settings import Settings
from tests.projections.running import ROOT, ask, projector, wait_caught_up
from tests.support import journal
from tests.support.builders.history import CODEC
from tests.support.builders.seeded import history

PARTS = [migrate.PART, schema.PART]
WELL = Facts(
    release=16,
    encoding="UTF8",
    standby=False,
    read_only=False,
    user="app",
    database="main",
    has_schema=True,
    may_use=True,
    may_create=True,
)

PROGRAMS = {
    "projector": ("runfold.projections", ExitCode.WRONG_SETTINGS),
    "tools": ("runfold.processors.tool", ExitCode.WRONG_SETTINGS),
    "up": ("runfold.surfaces.cli up", 69),
    "prepare": ("runfold.stack.prepare", ExitCode.WRONG_SETTINGS),
}
"""Whoever needs the database, and how it ends where that cannot be used."""


def execute(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def database_of(url: str) -> str:
    return urlsplit(url).path.strip("/")


@contextmanager
def another(url: str, made: str) -> Iterator[str]:
    """A second database on the same server, made in a way of its own."""
    name = f"{database_of(url)}_other"
    execute(url, f"CREATE DATABASE {name} {made} TEMPLATE template0")
    try:
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
    finally:
        execute(url, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def user(url: str) -> Iterator[tuple[str, str]]:
    """A user with no rights: the name, and the address."""
    name = f"app_{database_of(url)}"
    execute(url, f"CREATE ROLE {name} LOGIN PASSWORD 'p'")
    parts = urlsplit(url)
    try:
        yield name, parts._replace(netloc=f"{name}:p@{parts.netloc.rpartition('@')[2]}").geturl()
    finally:
        execute(url, f"DROP OWNED BY {name} CASCADE", f"DROP ROLE {name}")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (replace(WELL, release=14), "This is Postgres 14, and Runfold needs 15 or newer"),
        (replace(WELL, encoding="LATIN1"), "keeps text as LATIN1"),
        (replace(WELL, standby=True), "is a standby"),
        (replace(WELL, read_only=True), "takes no writes"),
        (replace(WELL, may_use=False), "GRANT USAGE ON SCHEMA"),
        (replace(WELL, may_create=False), "may not make tables in the schema 'runfold'"),
        (replace(WELL, may_create=False, has_schema=False), "CREATE SCHEMA .* AUTHORIZATION"),
    ],
)
def test_each_thing_that_is_wrong_is_said_with_what_to_do(facts: Facts, said: str) -> None:
    (sentence,) = judge(facts, "runfold", made=False)
    with pytest.raises(DatabaseUnfitError, match=said):
        raise DatabaseUnfitError(sentence)
    assert list(judge(WELL, "runfold", made=False)) == []


@pytest.mark.integration
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_says_one_sentence_and_ends(settings: Settings, program: str) -> None:
    module, code = PROGRAMS[program]
    with another(settings.database_url, "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'") as bad:
        wrong = settings.at(settings.bootstrap_servers, bad)
        ended = subprocess.run(
            [sys.executable, "-m", *module.split()],
            env={**os.environ, **wrong.to_env(), "RUNFOLD_LOG_LEVEL": "ERROR"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    said = ended.stderr
    assert ended.returncode == code, said
    assert "keeps text as SQL_ASCII" in " ".join(said.split())
    assert "Traceback" not in said


@pytest.mark.integration
def test_a_user_who_may_make_nothing_is_told_what_to_grant(database_url: str) -> None:
    with user(database_url) as (name, url):
        with pytest.raises(DatabaseUnfitError, match=f"AUTHORIZATION .{name}."):
            need(url, PARTS)
        # The advice helps: the schema is enough, no right on the database is needed.
        execute(database_url, f"CREATE SCHEMA runfold AUTHORIZATION {name}")
        need(url, PARTS)
        schema.ensure(url)
        migrate.upgrade(url)
        need(url, PARTS)


@pytest.mark.integration
def test_a_user_who_may_read_only_is_told_of_the_roles(database_url: str) -> None:
    schema.ensure(database_url)
    migrate.upgrade(database_url)
    with user(database_url) as (name, url):
        with pytest.raises(DatabaseUnfitError, match="may not use the schema 'runfold'"):
            need(url, PARTS)
        execute(database_url, f"GRANT runfold_read TO {name}")
        with pytest.raises(DatabaseUnfitError, match=r"may not write .*runs.*runfold_projector"):
            need(url, [schema.PART])
        execute(database_url, f"GRANT runfold_projector TO {name}")
        need(url, [schema.PART])


@pytest.mark.integration
@pytest.mark.parametrize("name", ["runs", "tool_claims", "agent_runs", "audit"])
def test_tables_of_others_with_our_names_are_named(database_url: str, name: str) -> None:
    execute(database_url, "CREATE SCHEMA runfold", f"CREATE TABLE runfold.{name} (id serial)")
    with pytest.raises(DatabaseUnfitError, match=f"already has {name}, .*RUNFOLD_DATABASE_SCHEMA"):
        need(database_url, PARTS)


@pytest.mark.integration
def test_one_table_of_others_among_ours_is_named(database_url: str) -> None:
    schema.ensure(database_url)
    migrate.upgrade(database_url)
    need(database_url, PARTS)
    execute(database_url, "DROP TABLE audit CASCADE", "CREATE TABLE audit (id serial)")
    with pytest.raises(DatabaseUnfitError, match="already has audit, and they are not Runfold's"):
        need(database_url, PARTS)


@pytest.mark.integration
def test_a_database_that_takes_no_writes_is_waited_for(database_url: str) -> None:
    name = database_of(database_url)
    execute(database_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(DatabaseAwayError, match="takes no writes"):
        need(database_url, PARTS)
    heard: list[str] = []

    def tell(line: str) -> None:
        heard.append(line)
        with psycopg.connect(
            database_url, autocommit=True, options="-c default_transaction_read_only=off"
        ) as connection:
            connection.execute(f"ALTER DATABASE {name} RESET ALL".encode())

    need(database_url, PARTS, 60, tell)
    assert len(heard) == 1
    assert "waiting for the database" in heard[0]


@pytest.mark.integration
def test_a_server_that_is_away_at_the_start_is_waited_for(
    settings: Settings,
) -> None:
    url, name = settings.database_url, database_of(settings.database_url)
    admin = urlsplit(url)._replace(path="/postgres").geturl()
    journal.write(settings.bootstrap_servers, [history(1)])
    execute(admin, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    opened = threading.Timer(2, execute, (admin, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
    with projector(settings) as process:
        opened.start()
        try:
            wait_caught_up(settings)
        finally:
            opened.join()
        assert process.poll() is None


@pytest.mark.integration
@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda url: url.replace("@", "x@"), DatabaseUnfitError),
        (lambda url: urlsplit(url)._replace(path="/nowhere").geturl(), DatabaseUnfitError),
        (
            lambda url: urlsplit(url)._replace(netloc="u:secret@127.0.0.1:1").geturl(),
            DatabaseAwayError,
        ),
    ],
)
def test_a_closed_door_is_told_from_nobody_there(
    database_url: str, change: object, error: type[Exception]
) -> None:
    assert callable(change)
    with pytest.raises(error, match="DATABASE_URL") as told:
        need(change(database_url), PARTS)
    assert "\n" not in str(told.value)
    assert "secret" not in str(told.value)


@pytest.mark.integration
def test_views_do_not_depend_on_what_the_database_prefers(settings: Settings) -> None:
    name = database_of(settings.database_url)
    preferred = {
        "timezone": "Asia/Kathmandu",
        "datestyle": "German, DMY",
        "intervalstyle": "sql_standard",
        "bytea_output": "escape",
        "standard_conforming_strings": "off",
        "extra_float_digits": "-5",
        "client_encoding": "LATIN1",
        "search_path": "nowhere",
        "default_transaction_isolation": "serializable",
        "statement_timeout": "5ms",
        "lock_timeout": "1ms",
        "idle_in_transaction_session_timeout": "20ms",
    }
    journal.write(settings.bootstrap_servers, [history(number) for number in range(5)])
    schema.ensure(settings.database_url)
    changes = [f"ALTER DATABASE {name} SET {key} = '{to}'" for key, to in preferred.items()]
    execute(settings.database_url, *changes)
    with projector(settings):
        wait_caught_up(settings)
    execute(settings.database_url, f"ALTER DATABASE {name} RESET ALL")
    assert ask(settings, "SELECT count(*) FROM runs") == [(5,)]
    assert ask(settings, "SELECT count(*) FROM projection_failures") == [(0,)]
    reader = ReaderConfig(settings.kafka_config())
    for view in VIEWS:
        assert compare(view, settings.database_url, reader, CODEC).rows == 0
