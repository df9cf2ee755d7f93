"""Who read what is on record, where a deployment asks for it, and nobody can take it away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import errors

from runfold.infra.credentials.token import Claims
from runfold.infra.database import reads, tenant_login
from runfold.infra.database.errors import ReadsError
from runfold.infra.database.reads import Read
from runfold.projections import schema, separating
from runfold.stack.settings import Settings
from runfold.surfaces.application.errors import UnavailableError
from runfold.surfaces.application.reads import ReadRecord
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run
from runfold.surfaces.cli.context import Context
from tests.projections.test_database import login

CLAIMS = Claims("acme", "anna", 2_000_000_000, "t1")
NOWHERE = "postgresql://me:secret-word@127.0.0.1:1/nothing"


def ask(url: str, query: str = "SELECT * FROM reads ORDER BY id") -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=psycopg.rows.dict_row) as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.fixture
def url(database_url: str) -> str:
    """Tables with a record of reads."""
    schema.ensure(database_url)
    for _ in range(2):
        reads.make(database_url)
    return database_url


@pytest.mark.integration
def test_a_read_says_who_in_whose_scope_what_and_what_for(url: str) -> None:
    record = ReadRecord("record", lambda: url, CLAIMS, "an incident")
    record.note("show", "acme", "run-1")
    record.note("sql: SELECT 1", None)
    first, second = ask(url)
    assert first["at"] is not None
    assert all(first[name] for name in ("login", "os_user", "host"))
    said = ("token_id", "claimed", "tenant", "run_id", "what", "purpose")
    assert [first[name] for name in said] == [
        "t1", "acme/anna", "acme", "run-1", "show", "an incident",
    ]  # fmt: skip
    assert (second["tenant"], second["run_id"]) == ("", "")


@pytest.mark.integration
def test_readers_add_to_the_record_and_change_nothing_of_it(url: str) -> None:
    ReadRecord("record", lambda: url).note("logs", None)
    with login(url, "runfold_read") as member:
        ReadRecord("require", lambda: member).note("logs", "acme")
        assert [row["login"] for row in ask(member)][1].startswith("member_of_runfold_read")
        with psycopg.connect(member, autocommit=True) as connection:
            for statement in ("DELETE FROM reads", "UPDATE reads SET what = ''", "TRUNCATE reads",
                              "INSERT INTO reads (login) VALUES ('else')"):  # fmt: skip
                with pytest.raises(errors.InsufficientPrivilege):
                    connection.execute(statement.encode())


@pytest.mark.integration
def test_a_tenants_login_is_on_record_and_sees_nothing_of_the_record(url: str) -> None:
    separating.settle(url, on=True)
    # As a projector does it at each start.
    reads.make(url)
    mine = tenant_login.ensure(url, "acme")
    try:
        ReadRecord("require", lambda: mine).note("sql", "acme")
        with psycopg.connect(mine) as connection, pytest.raises(errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM reads")
        assert ask(url)[0]["login"].startswith("runfold_tenant_")
    finally:
        name = ask(url, "SELECT login FROM tenant_logins")[0]["login"]
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"DROP OWNED BY {name}".encode())
            connection.execute(f"DROP ROLE {name}".encode())


@pytest.mark.integration
def test_a_text_without_end_is_cut(url: str) -> None:
    ReadRecord("require", lambda: url).note("sql: " + "x" * 1_000_000 + "\0", None)
    assert len(ask(url)[0]["what"]) == 2000


@pytest.mark.integration
def test_without_the_table_it_says_what_to_set(database_url: str) -> None:
    schema.ensure(database_url)
    with pytest.raises(ReadsError, match="RUNFOLD_READS=record for the projector"):
        reads.record(database_url, Read(*[""] * 8))


def test_where_a_record_is_not_required_its_absence_is_said_and_the_read_goes_on() -> None:
    told: list[str] = []
    ReadRecord("record", lambda: NOWHERE).note("show", None, "run-1", told.append)
    assert len(told) == 1
    assert told[0].startswith("This read is not on record: ")
    assert "secret-word" not in told[0]


def test_where_it_is_required_nothing_is_read_without() -> None:
    with pytest.raises(UnavailableError, match="Nothing is read without a record"):
        ReadRecord("require", lambda: NOWHERE).note("show", None)


def test_where_nobody_asks_for_it_no_server_is_asked() -> None:
    def address() -> str:
        raise AssertionError("nobody needs an address")

    ReadRecord("off", address).note("show", None)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("words", "what", "code"),
    [
        (("sql", "-c", "SELECT 1"), "sql: SELECT 1", exits.OK),
        (("approvals",), "approvals", exits.OK),
        (("runs",), "runs", exits.OK),
        # There is no Kafka here: that somebody tried is on record before.
        (("deadletters",), "deadletters", exits.UNAVAILABLE),
    ],
)
def test_commands_that_read_leave_a_record(
    url: str, words: tuple[str, ...], what: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNFOLD_READS", "require")
    with context_of(url) as context:
        assert run(list(words), context) == code
    assert [row["what"] for row in ask(url)] == [what]


@contextmanager
def context_of(url: str) -> Iterator[Context]:
    context = Context()
    context.attached = Settings.from_env(
        {"DATABASE_URL": url, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    )
    yield context
    context.engine.dispose()


@pytest.mark.integration
def test_a_command_reads_nothing_where_a_record_is_required_and_there_can_be_none(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    schema.ensure(database_url)
    monkeypatch.setenv("RUNFOLD_READS", "require")
    with context_of(database_url) as context:
        assert run(["runs"], context) == exits.UNAVAILABLE
    assert "No runs yet" not in capsys.readouterr().out


@pytest.mark.integration
def test_reads_are_listed_by_tenant_person_and_time(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO runs (run_id, tenant_id, user_id, status, agent, created_at, updated_at,"
            " seq, journal_partition, first_offset)"
            " VALUES ('run-of-acme', 'acme', 'u', 'planning', 'a', now(), now(), 1, 0, 0)"
        )
    ReadRecord("record", lambda: url, CLAIMS, "an incident").note("show", "acme", "run-1")
    ReadRecord("record", lambda: url).note("logs", None, "run-of-acme")
    ReadRecord("record", lambda: url).note("runs", "umbrella")
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE reads SET at = at - interval '3 days' WHERE what = 'runs'")

    def listed(*words: str) -> list[str]:
        with context_of(url) as context:
            assert run(["reads", *words, "--json"], context) == exits.OK
        return [row["what"] for row in json.loads(capsys.readouterr().out)]

    assert listed() == ["logs", "show", "runs"]
    assert listed("--tenant", "acme") == ["logs", "show"]
    assert listed("--by", "anna") == ["show"]
    assert listed("--by", "nn_") == []
    assert len(listed("--by", ask(url)[0]["os_user"])) == 3
    assert listed("--since", "1d") == ["logs", "show"]
    assert listed("--limit", "1") == ["logs"]
    with context_of(url) as context:
        assert run(["reads", "--by", "anna"], context) == exits.OK
    said = capsys.readouterr().out
    assert "acme/anna" in said
    assert "an incident" in said


@pytest.mark.integration
def test_without_a_record_the_list_says_what_to_set(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    schema.ensure(database_url)
    with context_of(database_url) as context:
        assert run(["reads"], context) == exits.NOT_FOUND
    assert "RUNFOLD_READS=record for the projector" in capsys.readouterr().err
