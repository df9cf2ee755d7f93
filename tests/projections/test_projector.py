"""The projector on real servers: what it makes of the journal, whatever dies meanwhile."""

from __future__ import annotations

import hashlib
import signal

import psycopg
import pytest

from runfold.events import run as j
from runfold.events import topics
from runfold.events.records.operations import DeadLetter
from runfold.projections import schema
from runfold.projections.store.reading.reader import ReaderConfig
from runfold.projections.store.reading.record_batch import RecordBatch
from runfold.projections.store.rebuild import compare
from runfold.projections.store.store import Store
from runfold.projections.views import VIEWS
from runfold.stack.settings import Settings
from tests.projections.running import ask, caught_up, projector, wait_caught_up
from tests.support import journal
from tests.support.builders.history import CODEC, START, History
from tests.support.builders.seeded import history, interleaved
from tests.support.stack import Servers, wait_until

pytestmark = pytest.mark.integration

FAILPOINTS = [
    "projector.after_read",
    "projector.before_begin",
    "projector.after_positions",
    *(f"projector.after_{name}" for name in VIEWS),
    "projector.before_commit",
    "projector.after_commit",
]


def make(settings: Settings, count: int, first: int = 0) -> list[History]:
    """Whole runs on the journal."""
    runs = [history(number) for number in range(first, first + count)]
    journal.write(settings.bootstrap_servers, runs)
    return runs


def assert_equal_to(settings: Settings, runs: list[History]) -> None:
    """The tables hold exactly these histories, and every view equals the fold of the journal."""
    wanted = {
        (run.run_id, number, hashlib.sha256(value).hexdigest())
        for run in runs
        for number, value in enumerate(run.values, 1)
    }
    rows = ask(settings, "SELECT run_id, seq, hash FROM run_events")
    assert len(rows) == len(wanted)
    assert set(rows) == wanted
    ended = {run.run_id: (run.events[-1].meta.status.value, len(run.events)) for run in runs}
    found = {row[0]: row[1:] for row in ask(settings, "SELECT run_id, status, seq FROM runs")}
    assert found == ended
    assert ask(settings, "SELECT run_id FROM audit WHERE NOT chain_ok OR events <> last_seq") == []
    assert ask(settings, "SELECT * FROM projection_failures") == []
    for name in VIEWS:
        difference = differing(settings, name)
        assert difference == 0, f"{name}: {difference}"


def differing(settings: Settings, view: str) -> int:
    """How many rows of a view differ from a fold from offset 0."""
    reader = ReaderConfig(settings.kafka_config())
    return compare(view, settings.database_url, reader, CODEC).rows


def test_the_tables_hold_what_the_journal_says(settings: Settings) -> None:
    runs = make(settings, 12)
    with projector(settings):
        wait_caught_up(settings)
        assert_equal_to(settings, runs)
        # What comes later changes rows that are there.
        half = History("late", "acme", 1).created().asked_model("late.m1")
        cut = len(half.values)
        journal.write(settings.bootstrap_servers, [half])
        wait_caught_up(settings)
        assert ask(settings, "SELECT status, seq FROM runs WHERE run_id = 'late'") == [
            ("waiting_for_model", cut)
        ]
        rest = History("late", "acme", 1, list(half.events), list(half.values))
        rest.model_said("late.m1").ended()
        tail = History("late", "acme", 1, rest.events[cut:], rest.values[cut:])
        journal.write(settings.bootstrap_servers, [tail])
        wait_caught_up(settings)
        assert_equal_to(settings, [*runs, rest])


@pytest.mark.crash
@pytest.mark.timeout(400)  # a projector starts for each step, which is most of it
@pytest.mark.parametrize(
    ("hit", "names"), [(1, FAILPOINTS[::2]), (1, FAILPOINTS[1::2]), (2, FAILPOINTS[-2:])]
)
def test_killed_at_any_step_it_goes_on_without_loss_or_double(
    settings: Settings, hit: int, names: list[str]
) -> None:
    runs = []
    for number, name in enumerate(names):
        runs += make(settings, 1, first=number)
        with projector(settings, RUNFOLD_FAILPOINT=f"{name}:{hit}") as dying:
            # A second batch, for those that did not die in the first.
            wait_until(lambda: dying.poll() is not None or caught_up(settings, "runs"))
            runs += make(settings, 1, first=100 + number)
            assert dying.wait(30) == -signal.SIGKILL, name
    with projector(settings):
        wait_caught_up(settings)
    assert_equal_to(settings, runs)


def test_a_second_projector_fences_the_first(settings: Settings) -> None:
    runs = make(settings, 3)
    with projector(settings) as first:
        wait_caught_up(settings)
        with projector(settings):
            epoch = "SELECT min(epoch) FROM projection_positions"
            wait_until(lambda: ask(settings, epoch) == [(2,)])
            runs += make(settings, 3, first=3)
            assert first.wait(20) == 3
            wait_caught_up(settings)
    log = (settings.home / "projector.log").read_text()
    assert "Another projector has taken over" in log
    assert "Traceback" not in log
    assert_equal_to(settings, runs)


def test_two_projectors_share_the_partitions(settings: Settings) -> None:
    runs = make(settings, 8)
    with (
        projector(settings, RUNFOLD_PROJECTOR_PARTITIONS="0,2") as one,
        projector(settings, RUNFOLD_PROJECTOR_PARTITIONS="1,3") as other,
    ):
        wait_caught_up(settings)
        assert one.poll() is None
        assert other.poll() is None
    assert_equal_to(settings, runs)


@pytest.mark.parametrize("server", ["postgres", "kafka"])
@pytest.mark.crash
def test_it_sits_out_the_death_of_a_server(
    settings: Settings, servers: Servers, server: str
) -> None:
    if not servers.embedded:
        pytest.skip("only embedded servers can be killed")
    runs = make(settings, 5)
    with projector(settings) as process:
        wait_caught_up(settings)
        servers.kill(server)
        runs += make(settings, 5, first=5)
        wait_caught_up(settings)
        assert process.poll() is None
    assert_equal_to(settings, runs)


def test_unreadable_records_are_put_on_record_and_stop_nothing(settings: Settings) -> None:
    runs = make(settings, 2)
    at = settings.bootstrap_servers
    for value in (b"", b"garbage", b"\0\0\0\0\1", b"\0\xff\xff\xff\xff123"):
        journal.put(at, topics.EVENTS, 1, value)
    journal.put(at, topics.DEAD_LETTERS, 3, b"no letter")
    letter = DeadLetter(
        topic=topics.REQUESTS,
        partition=0,
        offset=7,
        time=START,
        code="not_framed",
        reason="no\0frame",
        size=3,
        value=b"abc",
    )
    journal.put_letter(at, letter)
    journal.put_letter(at, letter)
    runs += make(settings, 2, first=2)
    with projector(settings):
        wait_caught_up(settings)
        count = "SELECT count(*) FROM dead_letters"
        wait_until(lambda: ask(settings, count) == [(6,)])
    rows = ask(
        settings, "SELECT topic, found_by, code FROM dead_letters ORDER BY topic, record_offset"
    )
    assert rows[0] == (topics.DEAD_LETTERS, "projection", "not_framed")
    assert [row[0] for row in rows[1:5]] == [topics.EVENTS] * 4
    assert rows[5] == (topics.REQUESTS, "engine", "not_framed")
    assert_equal_to(settings, runs)


def test_a_run_whose_history_is_lost_has_ended_also_when_it_is_folded_again(
    settings: Settings,
) -> None:
    at, ended = settings.bootstrap_servers, [("lost", "failed", "failure")]
    journal.write(at, [History("lost").created()])
    with projector(settings):
        wait_caught_up(settings)
        for place, run in enumerate(("lost", "ghost")):
            journal.put_letter(
                at,
                DeadLetter(
                    topic=f"{topics.EVENTS}/{run}",
                    partition=0,
                    offset=place,
                    time=START,
                    code="history_lost",
                    reason="gone",
                    size=0,
                ),
            )
        wait_until(lambda: ask(settings, "SELECT run_id, status, exit_status FROM runs") == ended)
    assert ask(settings, "SELECT * FROM projection_failures") == []
    reader = ReaderConfig(settings.kafka_config())
    assert compare("runs", settings.database_url, reader, CODEC).rows == 0


def test_an_event_that_a_view_cannot_take_is_left_out_alone(settings: Settings) -> None:
    first = History("one", partition=0).created().asked_model("m").model_said("m", "files.read")
    first.proposed("same").decided("same").approved("same").started("same").succeeded("same")
    # Another run's call under the same key: UNIQUE(tool_name, idempotency_key) refuses it.
    other = History("two", partition=0).created().asked_model("n").model_said("n", "files.read")
    call = other.proposed("temporary").events.pop()
    other.values.pop()
    other.add(call.fact.model_copy(update={"idempotency_key": "same"}))
    # And text that no column of Postgres can hold.
    third = History("nul", "ac\0me", partition=0).created("a\0b").ended()
    journal.write(settings.bootstrap_servers, [first])
    journal.write(settings.bootstrap_servers, [other, third])
    with projector(settings):
        wait_caught_up(settings)
    assert ask(settings, "SELECT view, run_id FROM projection_failures") == [
        ("tool_invocations", "two")
    ]
    assert ask(settings, "SELECT count(*) FROM run_events WHERE run_id = 'two'") == [
        (len(other.values),)
    ]
    assert ask(settings, "SELECT tenant_id, goal FROM runs WHERE run_id = 'nul'") == [
        ("ac\ufffdme", "a\ufffdb")
    ]
    for name in VIEWS:
        assert differing(settings, name) == 0


def test_a_start_without_a_permit_is_found(settings: Settings) -> None:
    query = "SELECT run_id, seq FROM tool_calls_started_without_permit"
    runs = make(settings, 6)
    rogue = History("rogue").created().asked_model("m").model_said("m", "files.read")
    rogue.proposed("t").started("t")
    # A permit holds until the call is judged again.
    forbidden = History("forbidden").created().asked_model("m").model_said("m", "files.read")
    forbidden.proposed("u").decided("u").decided("u", j.PolicyEffect.FORBID).started("u")
    again = History("again").created().asked_model("m").model_said("m", "files.read")
    again.proposed("v").decided("v", j.PolicyEffect.FORBID).decided("v").started("v")
    with projector(settings):
        wait_caught_up(settings)
        assert ask(settings, "SELECT sum(starts) > 0 FROM audit") == [(True,)]
        assert ask(settings, query) == []
        journal.write(settings.bootstrap_servers, [rogue, forbidden, again])
        wait_caught_up(settings)
        assert sorted(ask(settings, query)) == [
            ("forbidden", len(forbidden.values)),
            ("rogue", len(rogue.values)),
        ]
    assert len(runs) == 6


def test_a_broken_chain_is_found_wherever_a_batch_ends(settings: Settings) -> None:
    def as_run(name: str, values: list[bytes]) -> History:
        return History(name, partition=0, values=values)

    missing, headless, edited, other = (history(number, partitions=1) for number in (1, 2, 3, 4))
    another = History(edited.run_id, edited.tenant_id, 0).created("another goal")
    parts = [
        # The 4th event is missing; the batch ends before the gap.
        (missing.values[:3], missing.values[4:]),
        # The first event is missing.
        (headless.values[1:5], headless.values[5:]),
        # The goal was edited, the rest left as it was; the batch ends at the edit.
        (another.values[:3], edited.values[3:]),
        (other.values[:7], other.values[7:]),
    ]
    with projector(settings):
        for number in (0, 1):
            chosen = [as_run(str(index), part[number]) for index, part in enumerate(parts)]
            journal.write(settings.bootstrap_servers, chosen)
            wait_caught_up(settings)
    rows = ask(settings, "SELECT run_id, chain_ok, broken_at FROM audit ORDER BY run_id")
    assert rows == [
        (missing.run_id, False, 5),
        (headless.run_id, False, 2),
        (edited.run_id, False, 4),
        (other.run_id, True, None),
    ]


def test_sigterm_ends_it_cleanly(settings: Settings) -> None:
    runs = make(settings, 2)
    with projector(settings) as process:
        wait_caught_up(settings)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert_equal_to(settings, runs)


def test_a_newer_release_of_the_tables_is_left_alone(settings: Settings) -> None:
    schema.ensure(settings.database_url)
    schema.ensure(settings.database_url)
    with psycopg.connect(settings.database_url) as connection:
        connection.execute("INSERT INTO projection_schema (version) VALUES (99)")
    with projector(settings) as process:
        assert process.wait(20) == 2
    assert "release 99" in (settings.home / "projector.log").read_text()


def test_tables_of_the_next_release_are_written_to_where_that_allows_it(settings: Settings) -> None:
    runs = make(settings, 2)
    schema.ensure(settings.database_url)
    with psycopg.connect(settings.database_url) as connection:
        connection.execute("ALTER TABLE runs ADD COLUMN novelty text")
        connection.execute(
            "INSERT INTO projection_schema (version, made_at, oldest)"
            " VALUES (99, clock_timestamp(), %s)",
            (schema.VERSION,),
        )
    with projector(settings):
        wait_caught_up(settings)
    assert_equal_to(settings, runs)
    assert "the tables are of release 99" in (settings.home / "projector.log").read_text()
    assert "runfold rebuild" in (settings.home / "projector.log").read_text()


def test_rows_that_another_release_wrote_in_between_are_told_of(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    schema.ensure(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO projection_schema (version, made_at) VALUES (6, clock_timestamp())"
        )
    for _ in range(2):
        schema.ensure(database_url)
    assert caplog.text.count("release 6 has written to these tables in the meantime") == 1


def test_batches_of_any_size_give_the_same_rows(database_url: str) -> None:
    """The merge rules agree in Python and in SQL: one event at a time against all at once."""
    schema.ensure(database_url)
    items = [
        placed._replace(partition=0, offset=offset)
        for offset, placed in enumerate(
            run.placed()[index]
            for run, index in interleaved([history(number, partitions=1) for number in range(20)])
        )
    ]
    found = []
    for size in (1, 7, len(items)):
        with Store(database_url, list(VIEWS.values()), [0], "test") as store:
            store.open()
            for start in range(0, len(items), size):
                part = items[start : start + size]
                at = (topics.EVENTS, 0)
                store.write(RecordBatch(list(part), {at: start}, {at: start + len(part)}))
        with psycopg.connect(database_url, autocommit=True) as connection:
            found.append(
                {
                    table.name: sorted(
                        map(repr, connection.execute(f"SELECT * FROM {table.name}".encode()))
                    )
                    for view in VIEWS.values()
                    for table in view.tables
                }
            )
            for name in (*found[-1], "projection_positions"):
                connection.execute(f"TRUNCATE {name}".encode())
    assert len(found[0]["run_events"]) == len(items)
    assert found[0] == found[1] == found[2]
