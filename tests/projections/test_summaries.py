"""runs.summaries on real servers: what a reader of other tools finds there, whatever dies."""

from __future__ import annotations

import io
import signal
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import psycopg
import pytest

from runfold.events import topics
from runfold.events.definitions import TenantErased
from runfold.events.records.summaries import RunSummary
from runfold.projections import schema
from runfold.projections.store.reading.reader import ReaderConfig
from runfold.projections.store.rebuild import rebuild
from runfold.stack.settings import Settings
from runfold.surfaces.application.shapes import RunSummary as Shown
from tests.projections.running import ask, projector, wait_caught_up
from tests.projections.test_projector import make
from tests.support import journal
from tests.support.builders.history import CODEC, START, History
from tests.support.stack import wait_until
from tests.system import oracle

pytestmark = pytest.mark.integration

FILE = Path(__file__).parents[2] / "schemas/runs.summaries-value/1.avsc"
SCHEMA = fastavro.schema.load_schema(FILE)
FAILPOINTS = [
    "summaries.before_fence",
    "summaries.after_fence",
    "summaries.after_take",
    "summaries.after_produce",
    "summaries.after_commit",
    "summaries.after_done",
]
COLUMNS = ", ".join(
    "coalesce(completed_at, cancelled_at)" if name == "ended_at" else name
    for name in RunSummary.model_fields
)

Summary = dict[str, Any]


def read(settings: Settings) -> dict[str, list[Summary | None]]:
    """All that was ever said of each run, read with nothing but the schema's file."""
    found: dict[str, list[Summary | None]] = {}
    for raw in oracle.read_topic(settings, topics.SUMMARIES):
        value = None
        if raw.value is not None:
            assert raw.value[0] == 0
            value = fastavro.schemaless_reader(io.BytesIO(raw.value[5:]), SCHEMA)
        found.setdefault((raw.key or b"").decode(), []).append(value)  # type: ignore[arg-type]
    return found


def newest(settings: Settings) -> dict[str, Summary]:
    """What compaction leaves of it."""
    last = {run: said[-1] for run, said in read(settings).items()}
    return {run: said for run, said in last.items() if said is not None}


def in_the_view(settings: Settings, where: str = "true") -> dict[str, Summary]:
    """The same from the rows."""
    names = tuple(RunSummary.model_fields)
    rows = ask(settings, f"SELECT {COLUMNS} FROM runs WHERE {where}")
    return {row[0]: dict(zip(names, map(_plain, row), strict=True)) for row in rows}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.replace(microsecond=value.microsecond // 1000 * 1000)
    return value


def written(settings: Settings) -> bool:
    if ask(settings, "SELECT to_regclass('summaries_due') IS NULL") == [(True,)]:
        return False
    return ask(settings, "SELECT count(*) FROM summaries_due") == [(0,)]


def wait_written(settings: Settings) -> None:
    wait_caught_up(settings)
    wait_until(lambda: written(settings), 40)


def never_back(settings: Settings) -> bool:
    """Whether every run's numbers only ever grew."""
    said = [[each["seq"] for each in run if each] for run in read(settings).values()]
    return all(numbers == sorted(numbers) for numbers in said)


def test_it_says_what_the_public_shape_says_and_no_contents() -> None:
    own = set(RunSummary.model_fields)
    assert set(Shown.model_fields) - own == {"shape", "goal"}
    assert own - set(Shown.model_fields) == {"ended_at", "retries", "input_tokens", "output_tokens"}
    kinds = {field["name"]: field["type"] for field in SCHEMA["fields"]}  # type: ignore[index,call-overload]
    for name, kind in kinds.items():
        inner = kind if isinstance(kind, str | dict) else kind[1]
        # Null or one other type, and of those only what every tool reads.
        assert not isinstance(kind, list) or (len(kind) == 2 and kind[0] == "null"), name
        plain = inner if isinstance(inner, str) else inner["logicalType"]
        assert plain in {"string", "long", "decimal", "timestamp-millis"}, name


def test_the_topic_holds_what_the_view_holds_and_follows_it(settings: Settings) -> None:
    make(settings, 8)
    with projector(settings):
        wait_written(settings)
        assert newest(settings) == in_the_view(settings)
        assert len(newest(settings)) == 8
        some = next(iter(newest(settings).values()))
        assert some["cost_usd"] is None or isinstance(some["cost_usd"], Decimal)
        assert some["created_at"].tzinfo == UTC
        half = History("late", "acme", 1).created().asked_model("late.m1")
        journal.write(settings.bootstrap_servers, [half])
        wait_until(lambda: "late" in newest(settings), 40)
        assert newest(settings)["late"]["status"] == "waiting_for_model"
        cut = len(half.values)
        rest = History("late", "acme", 1, list(half.events), list(half.values))
        rest.model_said("late.m1").ended()
        tail = History("late", "acme", 1, rest.events[cut:], rest.values[cut:])
        journal.write(settings.bootstrap_servers, [tail])
        wait_until(lambda: newest(settings)["late"]["exit_status"] == "success", 40)
        assert newest(settings) == in_the_view(settings)
    assert never_back(settings)


@pytest.mark.crash
def test_killed_at_any_step_no_summary_is_lost_and_none_goes_back(settings: Settings) -> None:
    for number, name in enumerate(FAILPOINTS):
        make(settings, 1, first=number)
        with projector(settings, RUNFOLD_FAILPOINT=f"{name}:2") as dying:
            wait_until(lambda: dying.poll() is not None or written(settings), 40)
            make(settings, 2, first=100 + 2 * number)
            make(settings, 6, first=1000 + 6 * number)  # of every partition
            assert dying.wait(40) == -signal.SIGKILL, name
    with projector(settings):
        wait_written(settings)
    assert newest(settings) == in_the_view(settings)
    assert never_back(settings)


def test_one_that_was_overtaken_writes_no_more(settings: Settings) -> None:
    make(settings, 4)
    with projector(settings) as first:
        wait_written(settings)
        first.send_signal(signal.SIGSTOP)
        with projector(settings):
            epoch = "SELECT min(epoch) FROM projection_positions"
            wait_until(lambda: ask(settings, epoch) == [(2,)])
            make(settings, 4, first=4)
            wait_written(settings)
            ask_nothing = newest(settings)
            first.send_signal(signal.SIGCONT)
            # A note that both could take: only the second may.
            with psycopg.connect(settings.database_url) as connection:
                connection.execute(
                    "INSERT INTO summaries_due SELECT run_id, journal_partition, 1 FROM runs"
                )
            make(settings, 2, first=8)
            assert first.wait(40) == 3
            wait_written(settings)
    assert newest(settings) == in_the_view(settings)
    assert ask_nothing.keys() < newest(settings).keys()
    assert never_back(settings)


def test_a_rebuild_writes_every_summary_again_and_takes_away_what_has_no_row(
    settings: Settings,
) -> None:
    make(settings, 4)
    reader = ReaderConfig(settings.kafka_config())
    with projector(settings):
        wait_written(settings)
        with psycopg.connect(settings.database_url) as connection:
            connection.execute("UPDATE runs SET agent = 'wrong', seq = seq + 1")
            connection.execute(
                'INSERT INTO runs SELECT (jsonb_populate_record(r, \'{"run_id": "ghost"}\')).*'
                " FROM runs AS r LIMIT 1"
            )
            connection.execute("INSERT INTO summaries_due SELECT run_id, 0, 1 FROM runs")
        wait_until(lambda: "ghost" in newest(settings), 40)
        rebuild("runs", settings.database_url, reader, CODEC)
        wait_until(lambda: written(settings), 40)
        assert "ghost" not in newest(settings)
        assert newest(settings) == in_the_view(settings)
        assert all(each["agent"] != "wrong" for each in newest(settings).values())
        # A topic that was lost is written again the same way.
        before = sum(map(len, read(settings).values()))
        rebuild("runs", settings.database_url, reader, CODEC)
        wait_until(lambda: written(settings), 40)
        assert sum(map(len, read(settings).values())) == before + 4


def test_runs_of_a_tenant_that_was_erased_are_taken_away(settings: Settings) -> None:
    at = settings.bootstrap_servers
    journal.write(at, [History("a1", "acme").created().ended(), History("b1", "other").created()])
    with projector(settings):
        wait_written(settings)
        assert newest(settings).keys() == {"a1", "b1"}
        erased = TenantErased(
            tenant="acme",
            key_ids=(),
            wrapped_by=(),
            reason="asked",
            decided_at=START + timedelta(seconds=1),
            decided_by="ada",
        )
        journal.put(at, topics.REGISTRY, 0, CODEC.encode(topics.REGISTRY, erased), b"erased")
        wait_until(lambda: newest(settings).keys() == {"b1"}, 40)
        assert read(settings)["a1"][-1] is None
        # A rebuild of the rows does not bring them back.
        rebuild("runs", settings.database_url, ReaderConfig(settings.kafka_config()), CODEC)
        wait_until(lambda: written(settings), 40)
        assert newest(settings).keys() == {"b1"}


def test_what_an_older_release_wrote_is_caught_up_with(settings: Settings) -> None:
    make(settings, 4)
    with projector(settings):
        wait_written(settings)
    with psycopg.connect(settings.database_url) as connection:
        connection.execute("UPDATE runs SET retries = 77")
        connection.execute(
            "INSERT INTO projection_schema (version, made_at, oldest)"
            " VALUES (%s, clock_timestamp(), 7)",
            (schema.VERSION - 1,),
        )
    with projector(settings):
        wait_until(lambda: written(settings), 40)
        wait_until(lambda: {e["retries"] for e in newest(settings).values()} == {77}, 40)


def test_a_row_that_no_summary_can_hold_stops_nobody(settings: Settings) -> None:
    make(settings, 2)
    with projector(settings):
        wait_written(settings)
        with psycopg.connect(settings.database_url) as connection:
            connection.execute("ALTER TABLE runs ALTER agent DROP NOT NULL")
            connection.execute(
                "UPDATE runs SET agent = NULL WHERE run_id = (SELECT min(run_id) FROM runs)"
            )
            connection.execute(
                "INSERT INTO summaries_due SELECT run_id, journal_partition, 1 FROM runs"
            )
        wait_until(lambda: written(settings), 40)
    assert "has no summary: ValidationError" in (settings.home / "projector.log").read_text()
