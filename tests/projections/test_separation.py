"""Two tenants, each asking for everything by every route: nothing of the other is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import Connection, errors, sql

from runfold.infra.database import migrate, roles, separation, tenant_login
from runfold.infra.database.connection import Session
from runfold.infra.database.errors import SeparationError
from runfold.projections import queries, schema, separating
from runfold.projections.separating import SEPARATED
from runfold.projections.sql_views import SQL_VIEWS
from runfold.projections.store.reading.reader import ReaderConfig
from runfold.projections.store.rebuild import rebuild
from runfold.projections.tables import METADATA
from runfold.projections.views import VIEWS
from runfold.stack.settings import Settings
from runfold.surfaces.application.scope import OperatorScope, TenantScope
from tests.projections.running import projector, wait_caught_up
from tests.projections.test_database import execute, login
from tests.projections.test_scope import story
from tests.support import journal, stack
from tests.support.builders.history import CODEC

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

TENANTS = ("acme", "umbrella")
READABLE = (*SEPARATED.tables, *SQL_VIEWS)
ON = {"RUNFOLD_ROW_SECURITY": "1"}

PRIVATE = (*SEPARATED.others, "projection_schema", "tool_claims", "tool_claim_owners", "tool_slots",
           "tool_turns", separation.LOGINS)  # fmt: skip
"""What belongs to no tenant."""


@pytest.fixture(scope="module")
def kept(servers: stack.Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Tables of an owner who is no superuser, with the same stories of two tenants, kept apart."""
    stack.fresh_topics(servers.settings)
    home = tmp_path_factory.mktemp("home")
    with stack.fresh_database(servers.database_url) as url, owner(url) as owned:
        migrate.upgrade(owned)
        settings = replace(servers.settings.at(servers.bootstrap_servers, owned), home=home)
        journal.write(settings.bootstrap_servers, [run for t in TENANTS for run in story(t)])
        with projector(settings, **ON):
            wait_caught_up(settings)
        execute(
            owned,
            "INSERT INTO definition_versions (kind, name, version, tenant, position, digest,"
            " published_at, published_by) SELECT 'tool', 't', '1', t, row_number() OVER (), '',"
            " now(), 'me' FROM unnest(array['', 'acme', 'umbrella']) t",
        )
        yield settings


class owner:  # noqa: N801 - a context manager
    """An owner of everything in a database that may make roles and is no superuser."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._name = f"owner_{urlsplit(url).path.strip('/')}"

    def __enter__(self) -> str:
        database = urlsplit(self._url).path.strip("/")
        execute(
            self._url,
            f"CREATE ROLE {self._name} LOGIN CREATEROLE PASSWORD 'p'",
            f"GRANT ALL ON DATABASE {database} TO {self._name}",
        )
        # Roles belong to the whole server: those of other databases are there already.
        for name in ("runfold_read", "runfold_projector", "runfold_tools", "runfold_tenant"):
            with psycopg.connect(self._url, autocommit=True) as connection:
                if not roles.exists(connection, name):
                    roles.make(connection, name)
            execute(self._url, f"GRANT {name} TO {self._name} WITH ADMIN OPTION")
        parts = urlsplit(self._url)
        place = parts.netloc.rpartition("@")[2]
        return parts._replace(netloc=f"{self._name}:p@{place}").geturl()

    def __exit__(self, *_: object) -> None:
        logins = "SELECT login FROM runfold.tenant_logins"
        with psycopg.connect(self._url, autocommit=True) as connection:
            there = connection.execute("SELECT to_regclass('runfold.tenant_logins')").fetchone()
            found = connection.execute(logins).fetchall() if there and there[0] else []
        execute(self._url, f"DROP OWNED BY {self._name} CASCADE")
        for (name,) in found:
            execute(self._url, f"DROP OWNED BY {name}", f"DROP ROLE {name}")
        execute(self._url, f"REVOKE ALL ON SCHEMA public FROM {self._name}",
                f"DROP ROLE {self._name}")  # fmt: skip


def opened(settings: Settings, tenant: str) -> Connection:
    """A session of a tenant's own login, as ``runfold sql --tenant`` has it."""
    return psycopg.connect(tenant_login.ensure(settings.database_url, tenant), autocommit=True)


def everything(connection: Connection) -> dict[str, list[str]]:
    """Every row of everything that can be read, as text."""
    return {
        name: [
            str(row)
            for (row,) in connection.execute(f"SELECT x::text FROM {name} AS x".encode()).fetchall()
        ]
        for name in READABLE
    }


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_tenants_login_reads_its_own_rows_of_every_table_and_view(
    kept: Settings, tenant: str
) -> None:
    (other,) = set(TENANTS) - {tenant}
    with opened(kept, tenant) as connection:
        found = everything(connection)
    assert not [name for name, rows in found.items() if any(other in row for row in rows)]
    for name in ("runs", "run_events", "tool_calls", "costs", "agent_runs", "tool_invocations",
                 "waiting_for_people", "policy_decisions", "model_calls", "audit"):  # fmt: skip
        assert found[name], name
    # What is published for everybody is there beside its own.
    assert len(found["definitions"]) == 2


def test_both_together_have_what_an_operator_sees(kept: Settings) -> None:
    with psycopg.connect(kept.database_url) as connection:
        whole = everything(connection)
    parts = {}
    for tenant in TENANTS:
        with opened(kept, tenant) as connection:
            parts[tenant] = everything(connection)
    for name, rows in whole.items():
        found = {row for part in parts.values() for row in part[name]}
        assert found == set(rows), name


ROUTES = (
    "SELECT set_config('runfold.tenant', 'umbrella', false)",
    "SET runfold.tenant = 'umbrella'",
    "RESET ROLE",
    "SET ROLE runfold_tenant",
    "SET SESSION AUTHORIZATION DEFAULT",
    "SET row_security = on",
    "SET default_transaction_read_only = off",
)
"""What a tenant can say of its own session; none of it changes whose rows it sees."""


@pytest.mark.parametrize("said", ROUTES)
def test_nothing_that_a_session_says_shows_the_rows_of_another(kept: Settings, said: str) -> None:
    with opened(kept, "acme") as connection:
        connection.execute(said.encode())
        found = everything(connection)
    assert found["runs"]
    assert not [name for name, rows in found.items() if any("umbrella" in row for row in rows)]


REFUSED = (
    "SET ROLE runfold_read",
    "SET ROLE runfold_projector",
    "SET SESSION AUTHORIZATION runfold_read",
    "SET row_security = off; SELECT * FROM runs",
    "INSERT INTO runfold.tenant_logins VALUES (session_user, 'umbrella')",
    "UPDATE runs SET tenant_id = 'acme'",
    "DELETE FROM runs",
    "ALTER TABLE runs DISABLE ROW LEVEL SECURITY",
    "DROP POLICY runfold_own ON runs",
    "CREATE OR REPLACE FUNCTION runfold.tenant_of_session() RETURNS text RETURN 'umbrella'",
    "CREATE TABLE runfold.mine (n int)",
    "COPY runs TO PROGRAM 'cat'",
    "BEGIN; LOCK TABLE runs IN ACCESS EXCLUSIVE MODE",
    *(f"SELECT * FROM {name}" for name in PRIVATE),
)  # fmt: skip


def execute_all(connection: Connection, statements: str) -> None:
    for statement in statements.split("; "):
        connection.execute(statement.encode())


@pytest.mark.parametrize("statement", REFUSED)
def test_what_is_not_a_tenants_to_do_is_refused(kept: Settings, statement: str) -> None:
    with opened(kept, "acme") as connection:
        connection.execute("SET default_transaction_read_only = off")
        with pytest.raises((errors.InsufficientPrivilege, errors.InvalidParameterValue)):
            execute_all(connection, statement)


LEAKS = (
    # A condition that complains of what it sees runs on no row of another.
    "SELECT 1 / (CASE WHEN tenant_id = 'umbrella' THEN 0 ELSE 1 END) FROM {table}",
    "SELECT CAST(tenant_id AS integer) FROM {table} WHERE tenant_id = 'umbrella'",
    "SELECT most_common_vals::text FROM pg_stats WHERE schemaname = 'runfold'",
    "SELECT query FROM pg_stat_activity",
    "SELECT rolname FROM pg_roles",
    "SELECT pg_get_userbyid(usesysid) FROM pg_stat_activity",
)


@pytest.mark.parametrize("query", LEAKS)
def test_neither_errors_nor_plans_nor_statistics_say_what_others_have(
    kept: Settings, query: str
) -> None:
    execute(kept.database_url, "ANALYZE")
    with opened(kept, "acme") as connection:
        for table in ("runs", "run_events", "agent_runs"):
            connection.execute("BEGIN")
            rows = connection.execute(query.format(table=table).encode()).fetchall()
            connection.execute("ROLLBACK")
            assert "umbrella" not in "".join(map(str, rows))


def test_a_plan_that_is_run_finds_no_row_of_another(kept: Settings) -> None:
    explain = "EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM runs WHERE tenant_id = '{}'"
    found = {}
    with opened(kept, "acme") as connection:
        for tenant in TENANTS:
            row = connection.execute(explain.format(tenant).encode()).fetchone()
            assert row is not None
            found[tenant] = row[0][0]["Plan"]["Actual Rows"]
    assert found == {"acme": 3, "umbrella": 0}


def test_a_function_of_the_tenants_own_sees_no_row_of_another(kept: Settings) -> None:
    spy = (
        "CREATE FUNCTION pg_temp.spy(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001"
        " AS $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$"
    )
    heard: list[str] = []
    with opened(kept, "acme") as connection:
        connection.add_notice_handler(lambda said: heard.append(str(said.message_primary)))
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(spy)
        connection.execute("SELECT * FROM runs WHERE pg_temp.spy(tenant_id)")
        connection.execute("SELECT * FROM agent_runs WHERE pg_temp.spy(tenant_id)")
    assert heard
    assert set(heard) == {"acme"}


def test_a_login_without_a_tenant_sees_nothing(kept: Settings) -> None:
    with (
        login(kept.database_url, "runfold_tenant") as member,
        psycopg.connect(member, autocommit=True) as connection,
    ):
        assert not any(everything(connection).values())
        # A program that speaks for many says for whom, within its transaction.
        with connection.transaction():
            connection.execute("SELECT set_config('runfold.tenant', 'acme', true)")
            seen = connection.execute("SELECT DISTINCT tenant_id FROM runs").fetchall()
        assert seen == [("acme",)]
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (0,)


def test_a_tenants_login_that_this_database_does_not_know_chooses_nobody(kept: Settings) -> None:
    # As in another database of the server, or in one that was made again for a restore.
    address = tenant_login.ensure(kept.database_url, "acme")
    execute(kept.database_url, "DELETE FROM runfold.tenant_logins WHERE tenant_id = 'acme'")
    with psycopg.connect(address, autocommit=True) as connection:
        for said in ROUTES:
            connection.execute(said.encode())
            assert not any(everything(connection).values()), said
    tenant_login.ensure(kept.database_url, "acme")


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_login_that_was_forgotten_is_known_again_when_it_is_used(
    kept: Settings, tenant: str
) -> None:
    tenant_login.ensure(kept.database_url, tenant)
    execute(kept.database_url, f"DELETE FROM runfold.tenant_logins WHERE tenant_id = '{tenant}'")
    with opened(kept, tenant) as connection:
        seen = connection.execute("SELECT DISTINCT tenant_id FROM runs").fetchall()
    assert seen == [(tenant,)]


@pytest.mark.parametrize("tenant", TENANTS)
def test_use_cases_with_a_tenant_go_by_it_also_where_their_question_forgets_to(
    kept: Settings, tenant: str
) -> None:
    engine = schema.engine(kept.database_url)
    with engine.connect() as connection:
        views = TenantScope(tenant).views(connection)
        assert queries.run(views, f"{tenant}-done") is not None
        # As if a question had no condition at all.
        seen = connection.exec_driver_sql("SELECT DISTINCT tenant_id FROM runs").fetchall()
        assert [tuple(row) for row in seen] == [(tenant,)]
    with engine.connect() as connection:
        # The next transaction of the same connection is nobody's.
        OperatorScope("a test").views(connection)
        seen = connection.exec_driver_sql("SELECT count(DISTINCT tenant_id) FROM runs").fetchone()
        assert seen == (2,)
    engine.dispose()


def test_views_that_are_made_again_stay_apart_and_equal_the_log(kept: Settings) -> None:
    for view in VIEWS:
        config = ReaderConfig(kept.kafka_config())
        rebuild(view, kept.database_url, config, CODEC)
    with opened(kept, "acme") as connection:
        found = everything(connection)
    assert found["runs"]
    assert not [name for name, rows in found.items() if any("umbrella" in row for row in rows)]


def test_a_table_that_was_swapped_is_kept_apart_before_anybody_reads_it(kept: Settings) -> None:
    # A column that cannot hold what is to be written: the copy takes the table's place.
    execute(kept.database_url, "ALTER TABLE approvals ADD COLUMN foreign_to_us int")
    rebuild("approvals", kept.database_url, ReaderConfig(kept.kafka_config()), CODEC)
    with opened(kept, "acme") as connection:
        seen = connection.execute("SELECT DISTINCT tenant_id FROM approvals").fetchall()
    assert seen == [("acme",)]


def test_projectors_that_are_members_of_their_role_write_beneath_it(kept: Settings) -> None:
    more = [run for t in ("hooli",) for run in story(t)]
    journal.write(kept.bootstrap_servers, more)
    with login(kept.database_url, "runfold_projector") as member:
        lesser = kept.at(kept.bootstrap_servers, member)
        with projector(lesser, **ON):
            wait_caught_up(kept)
    with opened(kept, "hooli") as connection:
        assert connection.execute("SELECT DISTINCT tenant_id FROM run_events").fetchall() == [
            ("hooli",)
        ]


def test_the_tables_keep_apart_what_has_a_tenant_and_the_list_is_whole() -> None:
    assert set(SEPARATED.tables) | set(SEPARATED.others) == set(METADATA.tables)
    assert SEPARATED.others == (
        "dead_letters", "projection_positions", "projection_failures", "summaries_due",
        "repricings",
    )  # fmt: skip


def test_a_table_that_public_may_read_is_named_and_nothing_is_begun(database_url: str) -> None:
    schema.ensure(database_url)
    execute(database_url, "GRANT SELECT ON dead_letters TO PUBLIC")
    with pytest.raises(SeparationError, match=r"could read dead_letters.*REVOKE SELECT"):
        separating.settle(database_url, on=True)
    with Session.to(database_url) as session:
        assert not separation.is_on(session, "runfold")


def test_a_column_that_public_may_read_is_named_as_well(database_url: str) -> None:
    schema.ensure(database_url)
    execute(database_url, "GRANT SELECT (reason) ON dead_letters TO PUBLIC")
    with pytest.raises(SeparationError, match=r"could read dead_letters.*REVOKE SELECT"):
        separating.settle(database_url, on=True)


def test_who_could_read_a_table_or_a_view_before_still_can(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    schema.ensure(database_url)
    name = f"dashboard_{urlsplit(database_url).path.strip('/')}"
    parts = urlsplit(database_url)
    place = parts.netloc.rpartition("@")[2]
    execute(
        database_url,
        "INSERT INTO runs (run_id, tenant_id, user_id, status, agent, created_at, updated_at,"
        " seq, journal_partition, first_offset)"
        " VALUES ('one', 'acme', 'u', 'planning', 'a', now(), now(), 1, 0, 0)",
        f"CREATE ROLE {name} LOGIN PASSWORD 'p'",
        f"GRANT USAGE ON SCHEMA runfold TO {name}",
        f"GRANT SELECT ON runs, agent_checkpoints TO {name}",
    )
    try:
        separating.settle(database_url, on=True)
        with psycopg.connect(parts._replace(netloc=f"{name}:p@{place}").geturl()) as connection:
            assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,)
            connection.execute("SELECT * FROM agent_checkpoints")
        assert "the view agent_checkpoints stays as it is" in caplog.text
        separating.settle(database_url, on=False)
    finally:
        execute(database_url, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def test_it_can_be_taken_away_again_and_then_tenants_read_nothing(database_url: str) -> None:
    schema.ensure(database_url)
    for _ in range(2):
        separating.settle(database_url, on=True)
    with login(database_url, "runfold_tenant") as member:
        separating.settle(database_url, on=False)
        with psycopg.connect(member, autocommit=True) as connection:
            for name in READABLE:
                with pytest.raises(errors.InsufficientPrivilege):
                    connection.execute(f"SELECT * FROM {name}".encode())
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_class WHERE relrowsecurity OR relforcerowsecurity"
        ).fetchone()
    assert row == (0,)
    with pytest.raises(SeparationError, match="RUNFOLD_ROW_SECURITY=1"):
        tenant_login.ensure(database_url, "acme")


def test_an_owner_who_may_make_no_roles_is_told_what_to_say(database_url: str) -> None:
    name = f"poor_{urlsplit(database_url).path.strip('/')}"
    parts = urlsplit(database_url)
    database, place = parts.path.strip("/"), parts.netloc.rpartition("@")[2]
    execute(
        database_url,
        f"CREATE ROLE {name} LOGIN PASSWORD 'p'",
        f"GRANT CREATE ON DATABASE {database} TO {name}",
    )
    try:
        mine = parts._replace(netloc=f"{name}:p@{place}").geturl()
        schema.ensure(mine)
        with pytest.raises(SeparationError, match=r"administrator .*GRANT runfold_tenant TO"):
            separating.settle(mine, on=True)
        assert "CREATE ROLE" not in str(sql.Identifier(name))
    finally:
        execute(database_url, f"DROP OWNED BY {name} CASCADE", f"DROP ROLE {name}")


@pytest.mark.parametrize("tenant", ["", "a\0b"])
def test_a_tenant_that_is_none_has_no_login(database_url: str, tenant: str) -> None:
    with pytest.raises(SeparationError, match="which tenant"):
        tenant_login.ensure(database_url, tenant)
