"""Schema, roles and versions of the tables, on a real Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import errors, sql

from runfold.infra.database import migrate, reads
from runfold.infra.database.address import in_schema
from runfold.infra.database.layout import TablesClashError
from runfold.infra.gateway import tables as gateway_tables
from runfold.projections import schema, separating
from runfold.projections.sql_views import SQL_VIEWS
from runfold.projections.store.reading.reader import ReaderConfig
from runfold.projections.store.rebuild import rebuild
from runfold.projections.tables import METADATA
from runfold.stack.settings import Settings
from tests.projections.running import ask, projector, wait_caught_up
from tests.support import journal
from tests.support.builders.history import CODEC
from tests.support.builders.seeded import history

pytestmark = pytest.mark.integration

CLAIMS = {"tool_claims", "tool_claim_owners", "tool_slots", "tool_turns", "table_versions"}


def tables(url: str, name: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'v')"
            " AND relnamespace = to_regnamespace(%s)",
            (name,),
        ).fetchall()
    return {row[0] for row in rows}


def execute(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def public(url: str) -> str:
    """The address as a release had it that knew no schema."""
    return urlsplit(url)._replace(query="").geturl()


@contextmanager
def login(url: str, role: str) -> Iterator[str]:
    """The address of a user who is a member of one role and nothing else."""
    name = f"member_of_{role}_{urlsplit(url).path.strip('/')}"
    execute(url, f"CREATE ROLE {name} LOGIN PASSWORD 'p' IN ROLE {role}")
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    try:
        yield parts._replace(netloc=f"{name}:p@{place}").geturl()
    finally:
        execute(url, f"DROP ROLE {name}")


def test_all_tables_are_in_a_schema_of_their_own(database_url: str) -> None:
    schema.ensure(database_url)
    migrate.upgrade(database_url)
    assert tables(database_url, "public") == set()
    expected = set(METADATA.tables) | set(SQL_VIEWS) | {"projection_schema"} | CLAIMS
    assert tables(database_url, "runfold") == expected


def test_two_schemas_of_one_database_know_nothing_of_each_other(database_url: str) -> None:
    other = in_schema(public(database_url), "second")
    for url in (database_url, other):
        schema.ensure(url)
        migrate.upgrade(url)
    execute(database_url, "INSERT INTO tool_claim_owners VALUES ('a', now())")
    with psycopg.connect(other) as connection:
        assert connection.execute("SELECT count(*) FROM tool_claim_owners").fetchone() == (0,)
    assert tables(database_url, "second") == tables(database_url, "runfold")


def test_tables_of_an_earlier_release_are_moved_with_their_rows(database_url: str) -> None:
    old = public(database_url)
    schema.ensure(old)
    migrate.upgrade(old)
    execute(
        old,
        "INSERT INTO tool_claim_owners VALUES ('pool-1', now())",
        "INSERT INTO projection_positions (view, topic, topic_partition) VALUES ('runs', 't', 0)",
        "CREATE TABLE public.mine (n int)",
        "DROP TABLE table_versions",
        "DROP VIEW tool_invocations",
        "ALTER TABLE tool_calls RENAME TO tool_invocations",
        "ALTER TABLE tool_invocations RENAME CONSTRAINT tool_calls_pkey TO tool_invocations_pkey",
        "ALTER TABLE tool_invocations RENAME CONSTRAINT tool_calls_idempotency_key"
        " TO tool_invocations_idempotency_key",
        "ALTER INDEX tool_calls_by_run RENAME TO tool_invocations_by_run",
        "ALTER INDEX tool_calls_by_tool RENAME TO tool_invocations_by_tool",
        "UPDATE projection_schema SET version = 4",
    )
    for _ in range(2):
        migrate.upgrade(database_url)
        schema.ensure(database_url)
    assert tables(database_url, "public") == {"mine"}
    with psycopg.connect(database_url) as connection:
        for table in ("tool_claim_owners", "projection_positions"):
            query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
            assert connection.execute(query).fetchone() == (1,)
    expected = set(METADATA.tables) | set(SQL_VIEWS) | {"projection_schema"} | CLAIMS
    assert tables(database_url, "runfold") == expected


@pytest.mark.parametrize("name", ["runs", "tool_claims", "agent_runs"])
def test_somebody_elses_table_is_named_before_anything_is_made(
    database_url: str, name: str
) -> None:
    execute(database_url, "CREATE SCHEMA runfold", f"CREATE TABLE runfold.{name} (theirs text)")
    make = migrate.upgrade if name == "tool_claims" else schema.ensure
    with pytest.raises(TablesClashError, match=rf"already has {name}.*RUNFOLD_DATABASE_SCHEMA"):
        make(database_url)
    assert tables(database_url, "runfold") == {name}
    assert tables(database_url, "public") == set()


def test_tables_of_somebody_else_in_public_stay_where_they_are(database_url: str) -> None:
    execute(database_url, "CREATE TABLE public.runs (theirs text)")
    schema.ensure(database_url)
    assert tables(database_url, "public") == {"runs"}
    assert "runs" in tables(database_url, "runfold")


def test_a_reader_reads_everything_and_writes_nothing_also_after_a_rebuild(
    settings: Settings,
) -> None:
    journal.write(settings.bootstrap_servers, [history(1)])
    with projector(settings):
        wait_caught_up(settings)
    url = settings.database_url
    with login(url, "runfold_read") as reader:
        for _ in range(2):
            with psycopg.connect(reader, autocommit=True) as connection:
                for name in (*METADATA.tables, *SQL_VIEWS):
                    connection.execute(f"SELECT count(*) FROM {name}".encode())
                for refused in ("DELETE FROM runs", "CREATE TABLE mine (n int)"):
                    with pytest.raises(errors.InsufficientPrivilege):
                        connection.execute(refused.encode())
            for view in ("runs", "tool_invocations"):
                rebuild(view, url, ReaderConfig(settings.kafka_config()), CODEC)


def test_a_projector_needs_only_its_role(settings: Settings) -> None:
    url = settings.database_url
    schema.ensure(url)
    migrate.upgrade(url)
    journal.write(settings.bootstrap_servers, [history(1), history(2)])
    with login(url, "runfold_projector") as member:
        lesser = settings.at(settings.bootstrap_servers, member)
        with projector(lesser):
            wait_caught_up(settings)
        assert ask(settings, "SELECT count(*) FROM runs") == [(2,)]
        with psycopg.connect(member) as connection, pytest.raises(errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM tool_claims")


def test_the_projectors_role_has_rights_on_views_alone(settings: Settings) -> None:
    url = settings.database_url
    schema.ensure(url)
    migrate.upgrade(url)
    gateway_tables.ensure(url)
    reads.make(url)
    separating.settle(url, on=True)
    # As an earlier release had it.
    execute(url, "GRANT ALL ON reads, tenant_logins, api_keys TO runfold_projector")
    execute(url, "UPDATE projection_schema SET version = version - 1")
    schema.ensure(url)
    rows = ask(
        settings,
        "SELECT relname FROM pg_class WHERE relkind = 'r'"
        " AND relnamespace = 'runfold'::regnamespace AND has_table_privilege("
        "'runfold_projector', oid, 'INSERT, UPDATE, DELETE, TRUNCATE')",
    )
    machinery = {"projection_schema", "table_versions"}
    assert {name for (name,) in rows} - machinery == set(METADATA.tables)
    hidden = ("reads", "tenant_logins", "api_keys", "asked_requests", "tool_claims")
    with login(url, "runfold_projector") as member, psycopg.connect(member) as connection:
        for name in hidden:
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(f"SELECT * FROM {name}".encode())
            connection.rollback()


def test_a_user_who_may_make_no_roles_is_told_and_goes_on(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    other = in_schema(public(database_url), "poor")
    execute(database_url, "CREATE ROLE poor_owner LOGIN PASSWORD 'p'")
    try:
        name = urlsplit(database_url).path.strip("/")
        execute(database_url, f"GRANT CREATE ON DATABASE {name} TO poor_owner")
        parts = urlsplit(other)
        place = parts.netloc.rpartition("@")[2]
        with caplog.at_level("INFO", logger="runfold.infra.database"):
            schema.ensure(parts._replace(netloc=f"poor_owner:p@{place}").geturl())
        assert "no roles were made or granted" in caplog.text
        assert "runs" in tables(database_url, "poor")
    finally:
        execute(database_url, "DROP OWNED BY poor_owner CASCADE", "DROP ROLE poor_owner")
