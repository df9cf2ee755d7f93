"""A view is made again from offset 0 while the live one goes on, and nobody notices."""

from __future__ import annotations

import multiprocessing
import signal
from dataclasses import replace

import psycopg
import pytest

from runfold.infra.database.address import in_schema
from runfold.projections.errors import UnknownView
from runfold.projections.store.reading.reader import ReaderConfig
from runfold.projections.store.rebuild import compare, rebuild
from runfold.projections.views import VIEWS
from runfold.stack.settings import Settings
from tests.projections.running import ask, projector, wait_caught_up
from tests.support import journal
from tests.support.builders.history import CODEC
from tests.support.builders.seeded import history

pytestmark = pytest.mark.integration


def reader(settings: Settings) -> ReaderConfig:
    return ReaderConfig(settings.kafka_config(), batch=97)


def rebuild_runs(settings: Settings) -> None:
    rebuild("runs", settings.database_url, reader(settings), CODEC)


def write(settings: Settings, first: int, count: int) -> None:
    journal.write(settings.bootstrap_servers, [history(n) for n in range(first, first + count)])


def test_every_view_can_be_rebuilt_while_the_projector_runs(settings: Settings) -> None:
    write(settings, 0, 6)
    with projector(settings) as process:
        wait_caught_up(settings)
        for name, view in VIEWS.items():
            before = {table.name: rows(settings, table.name) for table in view.tables}
            made = rebuild(name, settings.database_url, reader(settings), CODEC)
            assert {table.name: rows(settings, table.name) for table in view.tables} == before
            assert made.rows == {table: len(found) for table, found in before.items()}
        write(settings, 6, 6)
        wait_caught_up(settings)
        assert process.poll() is None
        for name in VIEWS:
            assert compare(name, settings.database_url, reader(settings), CODEC).rows == 0
    assert ask(settings, "SELECT * FROM tool_calls_started_without_permit") == []
    left = "SELECT nspname FROM pg_namespace WHERE nspname LIKE '%rebuild%'"
    assert ask(settings, left) == []


def rows(settings: Settings, table: str) -> list[str]:
    return sorted(map(repr, ask(settings, f"SELECT * FROM {table}")))


@pytest.mark.parametrize("name", ["timeline", "audit", "runs"])
def test_what_comes_during_a_rebuild_is_neither_lost_nor_doubled(
    settings: Settings, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(settings, 0, 5)
    with projector(settings):
        wait_caught_up(settings)

        def meanwhile(step: str) -> None:
            if step == "rebuild.before_swap":
                # The copy is behind now by what the live view has taken since.
                write(settings, 5, 5)
                wait_caught_up(settings)
            if step == "rebuild.before_commit":
                # And the live view waits with this.
                write(settings, 10, 5)

        monkeypatch.setattr("runfold.projections.store.rebuild.failpoint", meanwhile)
        rebuild(name, settings.database_url, reader(settings), CODEC)
        wait_caught_up(settings)
    assert compare(name, settings.database_url, reader(settings), CODEC).rows == 0
    assert ask(settings, "SELECT count(*) FROM runs") == [(15,)]
    assert ask(settings, "SELECT count(*) FROM audit WHERE chain_ok") == [(15,)]


def test_what_was_changed_by_hand_is_found_and_mended(settings: Settings) -> None:
    write(settings, 0, 4)
    with projector(settings):
        wait_caught_up(settings)
    with psycopg.connect(settings.database_url) as connection:
        connection.execute("UPDATE runs SET cost_usd = 0 WHERE run_id = 'run-00001'")
        connection.execute("DELETE FROM runs WHERE run_id = 'run-00002'")
    found = compare("runs", settings.database_url, reader(settings), CODEC)
    assert (found.only_live, found.only_rebuilt, found.rows) == (1, 2, 3)
    assert {row["run_id"] for row in found.examples} == {"run-00001", "run-00002"}
    rebuild("runs", settings.database_url, reader(settings), CODEC)
    assert compare("runs", settings.database_url, reader(settings), CODEC).rows == 0


def test_a_rebuilt_table_keeps_its_comments_and_indexes(settings: Settings) -> None:
    query = (
        "SELECT obj_description('runs'::regclass), col_description('runs'::regclass, 1),"
        " (SELECT array_agg(indexdef ORDER BY indexdef) FROM pg_indexes WHERE tablename = 'runs')"
    )
    write(settings, 0, 1)
    with projector(settings):
        wait_caught_up(settings)
    before = ask(settings, query)
    rebuild("runs", settings.database_url, reader(settings), CODEC)
    assert ask(settings, query) == before
    assert before[0][0]


@pytest.mark.crash
@pytest.mark.parametrize("name", ["rebuild.before_swap", "rebuild.before_commit"])
def test_killed_on_the_way_the_live_view_stands(
    settings: Settings, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(settings, 0, 3)
    with projector(settings):
        wait_caught_up(settings)
        monkeypatch.setenv("RUNFOLD_FAILPOINT", name)
        dying = multiprocessing.get_context("spawn").Process(target=rebuild_runs, args=(settings,))
        dying.start()
        dying.join(30)
        assert dying.exitcode == -signal.SIGKILL
        monkeypatch.delenv("RUNFOLD_FAILPOINT")
        write(settings, 3, 3)
        wait_caught_up(settings)
        assert compare("runs", settings.database_url, reader(settings), CODEC).rows == 0
        rebuild("runs", settings.database_url, reader(settings), CODEC)
    assert ask(settings, "SELECT count(*) FROM runs") == [(6,)]


def test_two_deployments_of_a_database_can_rebuild_a_view_at_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The longest name that the setting takes: a schema for the copy that begins so would be cut.
    others = "a" * 40
    address = settings.database_url.split("?")[0]
    other = replace(settings, database_url=in_schema(address, others))
    write(settings, 0, 3)
    for one in (settings, other):
        with projector(one, RUNFOLD_DATABASE_SCHEMA=others if one is other else "runfold"):
            wait_caught_up(one)

    def meanwhile(step: str) -> None:
        if step == "rebuild.before_swap":
            monkeypatch.setattr("runfold.projections.store.rebuild.failpoint", lambda _: None)
            rebuild("tool_invocations", other.database_url, reader(other), CODEC)

    monkeypatch.setattr("runfold.projections.store.rebuild.failpoint", meanwhile)
    rebuild("tool_invocations", settings.database_url, reader(settings), CODEC)
    for one in (settings, other):
        difference = compare("tool_invocations", one.database_url, reader(one), CODEC)
        assert difference.rows == 0
        assert ask(one, "SELECT count(*) FROM tool_calls") != [(0,)]


def test_a_view_that_does_not_exist_is_refused(settings: Settings) -> None:
    with pytest.raises(UnknownView, match="there are approvals, audit"):
        rebuild("nothing", settings.database_url, reader(settings), CODEC)
