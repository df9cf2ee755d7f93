"""A rebuild leaves what people have made over the tables, and holds up nobody."""

from __future__ import annotations

import threading

import psycopg
import pytest

from runfold.infra.database import roles
from runfold.projections.errors import RebuildRefused, TablesInUse
from runfold.projections.store import store
from runfold.projections.store.patience import Patience
from runfold.projections.store.projector import _AGAIN
from runfold.projections.store.reading.reader import ReaderConfig
from runfold.projections.store.rebuild import Rebuilt, compare
from runfold.projections.store.rebuild import rebuild as rebuild_view
from runfold.projections.views import VIEWS
from runfold.stack.settings import Settings
from tests.projections.running import ask, projector, wait_caught_up
from tests.support import journal
from tests.support.builders.history import CODEC
from tests.support.builders.seeded import history
from tests.support.stack import wait_until

pytestmark = pytest.mark.integration

COPIES = "SELECT nspname FROM pg_namespace WHERE nspname LIKE '%$%'"
QUICK = Patience(wait_s=0.1, pause_s=0.1, in_all_s=0.5)


def rebuild(settings: Settings, view: str = "runs", patience: Patience = QUICK) -> Rebuilt:
    reader = ReaderConfig(settings.kafka_config())
    return rebuild_view(view, settings.database_url, reader, CODEC, patience)


def execute(settings: Settings, *statements: str) -> None:
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@pytest.fixture
def filled(settings: Settings) -> Settings:
    """Views of four runs, and no projector."""
    journal.write(settings.bootstrap_servers, [history(number) for number in range(4)])
    with projector(settings):
        wait_caught_up(settings)
    return settings


OVER = (
    "CREATE SCHEMA bi",
    "CREATE VIEW bi.daily AS SELECT created_at::date AS d, count(*) FROM runs GROUP BY 1",
    "CREATE MATERIALIZED VIEW bi.kept AS SELECT * FROM runs",
    "CREATE VIEW bi.metrics AS SELECT * FROM run_metrics",
    "CREATE TABLE bi.notes (run_id text REFERENCES runs, note text)",
    "INSERT INTO bi.notes SELECT run_id, 'mine' FROM runs",
    "CREATE INDEX mine ON runs (user_id)",
    """CREATE FUNCTION bi.noted() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO bi.notes VALUES (NEW.run_id, ''fired''); RETURN NEW; END'""",
    "CREATE TRIGGER told AFTER UPDATE ON runs FOR EACH ROW EXECUTE FUNCTION bi.noted()",
    "ALTER TABLE runs ADD COLUMN theirs text DEFAULT 'x'",
)

STANDING = (
    "SELECT * FROM bi.daily",
    "SELECT run_id FROM bi.metrics ORDER BY 1",
    "SELECT count(*) FROM bi.notes WHERE note = 'mine'",
    "SELECT indexdef FROM pg_indexes WHERE indexname = 'mine'",
    "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = 'told'",
    """SELECT relname, relacl::text FROM pg_class WHERE relnamespace = 'runfold'::regnamespace
    AND relkind IN ('r', 'v') ORDER BY 1""",
    "SELECT theirs FROM runs",
)


def test_views_grants_triggers_indexes_and_columns_of_others_survive(filled: Settings) -> None:
    role = f"analyst_{filled.database_url.partition('?')[0].rpartition('/')[2]}"
    execute(filled, *OVER, f"CREATE ROLE {role}", f"GRANT SELECT ON runs, run_metrics TO {role}")
    try:
        before = [ask(filled, query) for query in STANDING]
        assert rebuild(filled).changed == 0
        assert [ask(filled, query) for query in STANDING] == before
        # Nothing was wrong, so nothing happened that a trigger would be told of.
        assert ask(filled, "SELECT count(*) FROM bi.notes WHERE note = 'fired'") == [(0,)]
        execute(filled, "UPDATE runs SET cost_usd = 99 WHERE run_id = 'run-00001'")
        assert rebuild(filled).changed == 1
        assert ask(filled, "SELECT count(*) FROM runs WHERE cost_usd = 99") == [(0,)]
        assert [ask(filled, query) for query in STANDING] == before
        assert ask(filled, COPIES) == []
    finally:
        execute(filled, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_rows_that_are_wrong_missing_or_too_many_are_put_right(filled: Settings) -> None:
    execute(
        filled,
        "DELETE FROM run_events WHERE seq = 2",
        "UPDATE run_events SET type = 'Forged' WHERE seq = 3",
        "INSERT INTO run_events SELECT (jsonb_populate_record(e,"
        " jsonb_build_object('run_id', 'nobody'))).* FROM run_events e WHERE seq = 1 LIMIT 1",
    )
    assert rebuild(filled, "timeline").changed == 9
    reader = ReaderConfig(filled.kafka_config())
    assert compare("timeline", filled.database_url, reader, CODEC).rows == 0


def test_an_idle_reader_holds_up_neither_the_rebuild_nor_other_readers(filled: Settings) -> None:
    with psycopg.connect(filled.database_url) as idle:
        idle.execute("SELECT count(*) FROM runs")
        execute(filled, "UPDATE runs SET cost_usd = 99")
        assert rebuild(filled).changed == 4
        # And the reader still has what it saw, in a snapshot of its own or not.
        assert idle.execute("SELECT count(*) FROM runs").fetchone() == (4,)


def older(settings: Settings) -> None:
    """Give a table a column as an earlier release had it."""
    execute(settings, "ALTER TABLE run_events ALTER fact TYPE jsonb")


def without_views(settings: Settings) -> None:
    # The type of a column that a view shows cannot be changed.
    from runfold.projections import schema  # noqa: PLC0415

    with psycopg.connect(settings.database_url) as connection:
        schema.drop_sql_views(connection)
    older(settings)
    with psycopg.connect(settings.database_url) as connection:
        schema.make_sql_views(connection)
        roles.grant(connection, "runfold")


def test_a_table_that_must_be_replaced_keeps_grants_indexes_and_triggers(filled: Settings) -> None:
    without_views(filled)
    role = f"analyst_{filled.database_url.partition('?')[0].rpartition('/')[2]}"
    execute(
        filled,
        f"CREATE ROLE {role}",
        f"GRANT SELECT, UPDATE ON run_events, agent_runs TO {role}",
        "CREATE INDEX mine ON run_events (time)",
        "CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE TRIGGER told AFTER UPDATE ON run_events FOR EACH ROW EXECUTE FUNCTION noted()",
    )
    try:
        standing = [
            """SELECT relname, array(SELECT unnest(relacl)::text ORDER BY 1) FROM pg_class
            WHERE relnamespace = 'runfold'::regnamespace AND relkind IN ('r', 'v') ORDER BY 1""",
            *STANDING[3:5],
        ]
        before = [ask(filled, query) for query in standing]
        rebuild(filled, "timeline")
        assert [ask(filled, query) for query in standing] == before
        kind = "SELECT format_type(atttypid, 0) FROM pg_attribute WHERE attname = 'fact'"
        assert ask(filled, f"{kind} AND attrelid = 'run_events'::regclass") == [("json",)]
    finally:
        execute(filled, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_what_would_be_lost_is_named_before_anything_is_folded(
    filled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_views(filled)
    execute(
        filled,
        "CREATE SCHEMA bi",
        "CREATE VIEW bi.facts AS SELECT fact FROM run_events",
        "CREATE VIEW bi.metrics AS SELECT * FROM run_metrics",
    )
    monkeypatch.setattr("runfold.projections.store.rebuild._catch_up", None)
    with pytest.raises(RebuildRefused, match=r"bi\.facts, the view bi\.metrics would be lost"):
        rebuild(filled, "timeline")
    assert ask(filled, COPIES) == []


def test_readers_get_through_while_a_rebuild_waits_for_the_table(filled: Settings) -> None:
    without_views(filled)
    patience = Patience(wait_s=0.2, pause_s=0.2, in_all_s=60)
    with psycopg.connect(filled.database_url, application_name="bi") as idle:
        idle.execute("SELECT count(*) FROM run_events")
        work = threading.Thread(target=rebuild, args=(filled, "timeline", patience))
        work.start()
        waits = (
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        wait_until(lambda: ask(filled, waits) == [(1,)])
        for _ in range(5):
            assert ask(filled, "SELECT count(*) > 0 FROM run_events") == [(True,)]
        assert work.is_alive()
        idle.rollback()
        work.join(60)
    assert not work.is_alive()
    assert ask(filled, COPIES) == []


def test_who_keeps_the_table_is_named_and_nothing_is_left_behind(filled: Settings) -> None:
    without_views(filled)
    before = ask(filled, "SELECT count(*) FROM run_events")
    with psycopg.connect(filled.database_url, application_name="bi-report") as idle:
        idle.execute("SELECT count(*) FROM run_events")
        with pytest.raises(TablesInUse, match=r"process \d+, bi-report, since .* holds them"):
            rebuild(filled, "timeline")
    assert ask(filled, "SELECT count(*) FROM run_events") == before
    assert ask(filled, COPIES) == []


def test_a_projector_asks_again_for_what_a_rebuild_holds(
    filled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "runfold.projections.store.store"
    waits = [each for each in store._WAITS if each.startswith("lock_timeout")][-1]
    assert waits != "lock_timeout = 0"
    monkeypatch.setattr(f"{module}._WAITS", ("lock_timeout = 100",))
    with psycopg.connect(filled.database_url) as holds:
        holds.execute("SELECT * FROM projection_positions FOR UPDATE")
        waiting = store.Store(filled.database_url, [VIEWS["runs"]], [0], "waiting")
        with waiting, pytest.raises(psycopg.errors.LockNotAvailable):
            waiting.open()
    assert issubclass(psycopg.errors.LockNotAvailable, _AGAIN)


def test_a_failure_on_the_way_leaves_no_copy(
    filled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_step: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("runfold.projections.store.rebuild.failpoint", fail)
    with pytest.raises(KeyboardInterrupt):
        rebuild(filled)
    assert ask(filled, COPIES) == []


def test_what_a_killed_rebuild_of_any_view_has_left_is_dropped(filled: Settings) -> None:
    execute(
        filled,
        'CREATE SCHEMA "runfold$rebuild_costs"',
        'CREATE TABLE "runfold$rebuild_costs".costs (n int)',
    )
    rebuild(filled)
    assert ask(filled, COPIES) == []


def test_a_second_rebuild_of_a_view_is_refused_and_leaves_the_first_alone(
    filled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(step: str) -> None:
        if step == "rebuild.before_swap":
            with pytest.raises(RebuildRefused, match="under way"):
                rebuild(filled)
            rebuild_costs(filled)

    def rebuild_costs(settings: Settings) -> None:
        monkeypatch.setattr("runfold.projections.store.rebuild.failpoint", lambda _: None)
        rebuild(settings, "costs")

    monkeypatch.setattr("runfold.projections.store.rebuild.failpoint", meanwhile)
    assert rebuild(filled).rows == {"runs": 4}


def test_readers_that_wait_for_no_lock_read_on_through_a_rebuild(filled: Settings) -> None:
    # What was locked before for as long as the swap took; now no reader waits for a lock at all.
    execute(filled, "UPDATE run_events SET type = 'Forged'")
    ended = threading.Event()
    failed: list[BaseException] = []

    def reader() -> None:
        try:
            with psycopg.connect(filled.database_url, autocommit=True) as connection:
                connection.execute("SET lock_timeout = '1ms'")
                while not ended.is_set():
                    connection.execute("SELECT count(*) FROM run_events")
        except psycopg.Error as error:
            failed.append(error)

    thread = threading.Thread(target=reader)
    thread.start()
    try:
        rebuild(filled, "timeline")
    finally:
        ended.set()
        thread.join()
    assert failed == []
