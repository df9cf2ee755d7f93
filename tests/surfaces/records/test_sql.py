"""``runfold sql``: what it answers, in which forms, and that nothing can be changed by it."""

from __future__ import annotations

import csv
import io
import json
from contextlib import suppress
from urllib.parse import urlsplit

import psycopg
import pytest

from runfold.infra.database import migrate, reader
from runfold.projections import schema
from runfold.stack.settings import Settings
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run
from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.sql import shell
from runfold.surfaces.cli.sql.access import access, session
from runfold.surfaces.cli.sql.asking import asked
from runfold.surfaces.cli.sql.shell import statements

VALUES = """
    SELECT 1.50::numeric AS money, NULL::numeric AS unpriced, '' AS empty, 'a,"b"' AS text,
        true AS yes, '2026-05-31 12:00+02'::timestamptz AS at, '2026-05-31'::date AS day,
        '{"b": [1]}'::jsonb AS document, '\\x00ff'::bytea AS bytes, 'x' AS text"""
WRITES = (
    "DELETE FROM runs",
    "CREATE TABLE mine (n int)",
    "SELECT 1; DELETE FROM runs",
    "SELECT set_config('transaction_read_only', 'off', false)",
    "COMMIT; DELETE FROM runs",
)


@pytest.fixture
def context(database_url: str) -> Context:
    """A context whose tables are there, with one run."""
    schema.ensure(database_url)
    migrate.upgrade(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO runs (run_id, tenant_id, user_id, status, agent, created_at, updated_at,"
            " seq, journal_partition, first_offset)"
            " VALUES ('one', 't', 'u', 'planning', 'a', now(), now(), 1, 0, 0)"
        )
    context = Context()
    context.attached = Settings.from_env(
        {"DATABASE_URL": database_url, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    )
    return context


@pytest.mark.integration
def test_a_query_is_answered_in_three_forms(
    context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sql", "-c", VALUES, "--json"], context) == exits.OK
    said = capsys.readouterr()
    assert said.err == ""
    (row,) = json.loads(said.out)
    assert row == {
        "money": 1.5, "unpriced": None, "empty": "", "text": 'a,"b"', "yes": True,
        "at": "2026-05-31T10:00:00+00:00", "day": "2026-05-31", "document": {"b": [1]},
        "bytes": "00ff", "text_2": "x",
    }  # fmt: skip
    assert run(["sql", "-c", VALUES, "--csv"], context) == exits.OK
    out = capsys.readouterr().out
    assert ',"",' in out
    (line,) = csv.DictReader(io.StringIO(out))
    assert (line["money"], line["unpriced"], line["text"]) == ("1.5", "", 'a,"b"')
    assert (line["yes"], line["at"]) == ("true", row["at"])
    assert json.loads(line["document"]) == row["document"]
    assert run(["sql", "-c", "SELECT run_id, cost_usd FROM runs"], context) == exits.OK
    assert capsys.readouterr().out.split() == ["run_id", "cost_usd", "one", "-"]
    assert run(["sql", "-c", "SELECT 1 AS n WHERE false", "--json"], context) == exits.OK
    assert json.loads(capsys.readouterr().out) == []
    assert run(["sql", "-c", "SELECT 1 AS n WHERE false", "--csv"], context) == exits.OK
    assert capsys.readouterr().out == "n\r\n"


@pytest.mark.integration
@pytest.mark.parametrize("alone", [True, False])
def test_nothing_can_be_changed_and_a_wrong_statement_is_bad_input(
    context: Context,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    alone: bool,
) -> None:
    if not alone:
        monkeypatch.setattr(reader, "answers", lambda _url: False)
    for statement in WRITES:
        assert run(["sql", "-c", statement], context) == exits.BAD_INPUT, statement
    said = capsys.readouterr().err
    assert ("in the name of DATABASE_URL" in said) is not alone
    assert run(["sql", "-c", "SELECT nothing FROM runs"], context) == exits.BAD_INPUT
    assert 'column "nothing" does not exist (at character 8)' in capsys.readouterr().err
    # Nor does one statement open the door to the next.
    monkeypatch.setattr("sys.stdin", io.StringIO("SET TRANSACTION READ WRITE;\nDELETE FROM runs;"))
    assert run(["sql"], context) == exits.BAD_INPUT
    with psycopg.connect(context.attached.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,)


@pytest.mark.integration
@pytest.mark.timeout(120)
def test_whoever_wants_no_more_rows_is_not_waited_for(context: Context) -> None:
    how = access(context.attached.database_url, lambda _: None)
    with session(how) as opened:
        rows = "SELECT generate_series(1, 1000000) AS n"
        with suppress(BrokenPipeError), asked(opened, rows) as found:
            assert next(found.rows) == (1,)
            raise BrokenPipeError
        with asked(opened, "SELECT 2 AS n") as found:
            assert list(found.rows) == [(2,)]


@pytest.mark.integration
def test_what_is_piped_is_answered_and_tables_say_what_they_are(
    context: Context, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 1\n AS n;\n\\d\n\\d runs\nSELECT 2 AS m"))
    assert run(["sql", "--json"], context) == exits.OK
    one, tables, columns, two = map(json.loads, capsys.readouterr().out.splitlines())
    assert (one, two) == ([{"n": 1}], [{"m": 2}])
    says = {row["name"]: row["says"] for row in tables}
    assert says["runs"].startswith("One row a run: where it stands, what it cost, how it ended.")
    assert {"column": "run_id", "type": "text"}.items() <= columns[0].items()


@pytest.mark.integration
def test_the_login_reads_everything_and_is_made_again_with_another_password(
    context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    database_url = context.attached.database_url
    reading = reader.url(database_url)
    assert reading is not None
    assert reader.answers(reading)
    with psycopg.connect(reading, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM tool_claims").fetchone() == (0,)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("CREATE TEMP TABLE mine (n int)")
    name = urlsplit(reading).username
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"ALTER ROLE \"{name}\" PASSWORD 'other'".encode())
    assert not reader.answers(reading)
    schema.ensure(database_url)
    assert reader.answers(reading)
    capsys.readouterr()


def test_a_name_of_somebody_elses_is_not_taken_and_no_password_gives_no_login() -> None:
    assert reader.url("postgresql://me@127.0.0.1/none") is None
    one = reader.url("postgresql://me:p@127.0.0.1/a?options=-c%20search_path%3Drunfold")
    assert one is not None
    assert urlsplit(one).username == "a_runfold_reader"
    assert urlsplit(one).query == ""
    assert "p@" not in one.replace(str(urlsplit(one).password), "")
    others = {
        reader.url(f"postgresql://me:{password}@127.0.0.1/{database}")
        for password, database in (("p", "a"), ("q", "a"), ("p", "b"))
    }
    assert len({urlsplit(str(url)).password for url in others}) == 3
    assert len(reader.login("s" * 60, "d" * 60).encode()) <= 63


def test_statements_end_with_a_semicolon(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = "SELECT ';'\n;\n\\d x\nSELECT 1;\n\nSELECT 2\n"
    monkeypatch.setattr(shell.sys, "stdin", io.StringIO(typed))
    assert list(statements(typed=False)) == ["SELECT ';'\n;", "\\d x", "SELECT 1;", "SELECT 2"]


def test_two_forms_are_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sql", "-c", "SELECT 1", "--csv", "--json"]) == exits.USAGE
    assert "not both" in capsys.readouterr().err
