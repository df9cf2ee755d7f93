"""How the tables are stored, and how those of an earlier release are brought up to date."""

from __future__ import annotations

import psycopg
import pytest

from runfold.projections import schema
from runfold.projections.queries import EXIT_OF
from runfold.projections.store.reading.reader import ReaderConfig
from runfold.projections.store.rebuild import compare, rebuild
from runfold.projections.tables import runs
from runfold.projections.view import Batch, Placed
from runfold.projections.views import VIEWS
from runfold.projections.views.runs import VIEW as RUNS
from runfold.stack.settings import Settings
from tests.projections.running import ask, projector, wait_caught_up
from tests.replay.frozen import HISTORIES, load
from tests.support import journal
from tests.support.builders.history import CODEC
from tests.support.builders.seeded import history

INDEXES = "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1"
STORAGE = (
    "SELECT relname, reloptions FROM pg_class WHERE relkind = 'r' AND reloptions IS NOT NULL"
    " AND relnamespace = current_schema()::regnamespace ORDER BY 1"
)
CONTENTS = (
    "SELECT attrelid::regclass::text, attname FROM pg_attribute WHERE attstorage = 'e'"
    " AND attrelid IN"
    " (SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace)"
    " ORDER BY 1, 2"
)
KINDS = (
    "SELECT table_name, column_name FROM information_schema.columns"
    " WHERE table_schema = current_schema() AND data_type = 'json' ORDER BY 1, 2"
)


@pytest.mark.integration
def test_contents_are_stored_as_they_come(settings: Settings) -> None:
    schema.ensure(settings.database_url)
    assert ask(settings, CONTENTS) == [
        ("model_calls", "answer_json"),
        ("run_events", "fact"),
        ("runs", "result_json"),
        ("tool_calls", "arguments_json"),
        ("tool_calls", "result_json"),
    ]


def as_release_2_made_them(url: str) -> None:
    """Make empty tables as the release before did."""
    schema.ensure(url)
    with psycopg.connect(url, autocommit=True) as connection:
        schema.drop_sql_views(connection)
        for table, column in connection.execute(KINDS.encode()).fetchall():
            connection.execute(f"ALTER TABLE {table} ALTER {column} TYPE jsonb".encode())
        for table in ("runs", "audit"):
            connection.execute(f"ALTER TABLE {table} RESET (fillfactor)".encode())
        connection.execute("ALTER TABLE checkpoints RESET (toast_tuple_target)")
        for table, column in connection.execute(CONTENTS.encode()).fetchall():
            connection.execute(f"ALTER TABLE {table} ALTER {column} SET STORAGE EXTENDED".encode())
        connection.execute("DROP INDEX runs_by_exit")
        connection.execute("CREATE INDEX runs_by_status ON runs (tenant_id, status, updated_at)")
        connection.execute(
            "CREATE INDEX run_events_by_call ON run_events (run_id, call_id)"
            " WHERE call_id IS NOT NULL"
        )
        connection.execute(
            "CREATE INDEX policy_decisions_by_call ON policy_decisions (run_id, call_id)"
        )
        for statement in schema._RENAMED:
            old_again = statement.format(old="tool_calls", new="tool_invocations")
            connection.execute(old_again.encode())
        connection.execute("UPDATE projection_schema SET version = 2")
        for (name,) in connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        ).fetchall():
            connection.execute(f"ALTER TABLE {name} SET SCHEMA public".encode())
        connection.execute("DROP SCHEMA runfold")


@pytest.mark.integration
def test_tables_of_the_release_before_go_on_and_become_like_new_ones(settings: Settings) -> None:
    schema.ensure(settings.database_url)
    new = [ask(settings, query) for query in (INDEXES, STORAGE, CONTENTS, KINDS)]
    assert all(new)
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA runfold CASCADE")
    as_release_2_made_them(settings.database_url)
    assert [ask(settings, query) for query in (INDEXES, STORAGE, CONTENTS)] != new[:3]
    journal.write(settings.bootstrap_servers, [history(number) for number in range(4)])
    reader = ReaderConfig(settings.kafka_config())
    with projector(settings):
        wait_caught_up(settings)
        assert [ask(settings, query) for query in (INDEXES, STORAGE, CONTENTS)] == new[:3]
        assert ask(settings, KINDS) == []
        for name in VIEWS:
            assert compare(name, settings.database_url, reader, CODEC).rows == 0
        for name in ("timeline", "checkpoints"):
            rebuild(name, settings.database_url, reader, CODEC)
            assert compare(name, settings.database_url, reader, CODEC).rows == 0
    assert [ask(settings, query) for query in (INDEXES, STORAGE, CONTENTS, KINDS)] == new
    assert ask(settings, "SELECT max(version) FROM projection_schema") == [(schema.VERSION,)]


@pytest.mark.integration
def test_a_document_that_was_changed_by_hand_is_found(settings: Settings) -> None:
    journal.write(settings.bootstrap_servers, [history(1)])
    with projector(settings):
        wait_caught_up(settings)
    with psycopg.connect(settings.database_url) as connection:
        connection.execute("""UPDATE run_events SET fact = '{"forged": true}' WHERE seq = 1""")
    found = compare("timeline", settings.database_url, ReaderConfig(settings.kafka_config()), CODEC)
    assert (found.only_live, found.only_rebuilt) == (1, 1)
    assert found.examples[0]["fact"] == {"forged": True}


@pytest.mark.integration
def test_a_run_changes_without_any_index_hearing_of_it(settings: Settings) -> None:
    journal.write(settings.bootstrap_servers, [history(1)])
    with projector(settings):
        wait_caught_up(settings)
    for table in ("runs", "audit"):
        indexed = ask(
            settings,
            "SELECT DISTINCT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid"
            f" AND attnum = ANY (indkey) WHERE indrelid = '{table}'::regclass",
        )
        assert not {name for (name,) in indexed} & {"status", "updated_at", "seq", "last_seq"}


@pytest.mark.parametrize("name", HISTORIES)
def test_a_status_tells_the_exit_by_which_runs_are_found(name: str) -> None:
    _, events = load(name)
    placed = [Placed(event.meta, event.fact, 0, at, "") for at, (_, event) in enumerate(events)]
    for end in range(1, len(placed) + 1):
        for row in RUNS.fold(Batch(events=placed[:end])).of(runs).values():
            assert row.get("exit_status") == EXIT_OF.get(row["status"])


def test_recorded_runs_have_every_exit() -> None:
    ended = {load(name)[1][-1][1].meta.status.value for name in HISTORIES}
    assert ended >= set(EXIT_OF)
