"""The doctor finds each fault that is planted, says what to do, and finds none in the healthy."""

from __future__ import annotations

import base64
import json
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from runfold.events import run as j
from runfold.events import topics
from runfold.events.avro.files import SchemaFolder
from runfold.events.values import RunStatus
from runfold.infra.database import migrate, roles
from runfold.infra.deployment import binding
from runfold.producers.identity import uuid7
from runfold.producers.log.kafka import Publisher, TopicReader
from runfold.projections import schema
from runfold.stack.settings import Settings
from runfold.stack.supervisor.state import FAILED, READY, MemberState, State
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run
from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.faults import explained
from runfold.surfaces.doctor import examination, machine, schemas
from runfold.surfaces.doctor.deployment import Deployment, Limits
from runfold.surfaces.doctor.examination import examine, servers_away
from runfold.surfaces.doctor.finding import Finding, Level
from tests.costs.given import journal_of, project
from tests.support import journal as real_journal
from tests.support.builders.day import Day, day
from tests.support.builders.history import CODEC, History
from tests.system.crash.agent import request

pytestmark = pytest.mark.integration

AT_ONCE = Limits(
    input_waits_s=0, view_lags_s=0, pool_waits_s=0, transaction_open_s=0, claim_orphaned_s=0
)


@pytest.fixture
def deployment(settings: Settings) -> Iterator[Deployment]:
    """A deployment with empty topics and views, on which nothing runs."""
    schema.ensure(settings.database_url)
    made = Deployment(
        kafka={name: str(value) for name, value in settings.kafka_config().items()},
        reader=TopicReader(settings.kafka_config(), CODEC),
        engine=schema.engine(settings.database_url),
        home=settings.home,
        limits=AT_ONCE,
    )
    yield made
    made.engine.dispose()


def found(deployment: Deployment, level: Level = Level.WRONG) -> dict[str, Finding]:
    """What is of a level, by what it is about; each such finding says what to do."""
    findings = list(examine(deployment, explained))
    serious = {Level.WARNING, Level.WRONG}
    assert all(each.todo for each in findings if each.level in serious)
    return {each.check: each for each in findings if each.level is level}


def execute(settings: Settings, statement: str) -> None:
    with psycopg.connect(settings.database_url) as connection:
        connection.execute(statement.encode())


def test_the_healthy_are_well(deployment: Deployment) -> None:
    assert found(deployment) == {}
    assert found(deployment, Level.WARNING) == {}
    checks = {each.check for each in examine(deployment, explained)}
    assert checks >= {check.name for check in examination.CHECKS}


def test_a_database_of_another_deployment(deployment: Deployment, settings: Settings) -> None:
    bound = binding.begin(settings.database_url, print)
    assert bound is not None
    binding.finish(settings.kafka_config(), settings.database_url, bound, print)
    assert "database" not in found(deployment)
    execute(settings, f"UPDATE {roles.IDENTITY} SET database_id = gen_random_uuid()")
    assert "a deployment with another database" in found(deployment)["database"].what


def test_topics_that_are_missing_or_set_otherwise(
    deployment: Deployment, settings: Settings
) -> None:
    admin = AdminClient({**settings.kafka_config(), "log_level": 0})
    entry = ConfigEntry("retention.ms", "1000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topics.EVENTS, incremental_configs=[entry])
    for future in admin.incremental_alter_configs([resource]).values():
        future.result()
    told = found(deployment)["topics"]
    assert "runs.events has retention.ms=1000, it must be -1" in told.what
    assert "--add-config retention.ms=-1" in told.todo
    for future in admin.delete_topics([topics.ALERTS], operation_timeout=10).values():
        future.result()
    findings = list(examine(deployment, explained))
    assert "missing: alerts" in {each.what for each in findings}
    # The next test finds all as it should be.
    admin.delete_topics([topics.EVENTS], operation_timeout=10)[topics.EVENTS].result()


def test_a_transaction_that_hangs(deployment: Deployment, settings: Settings) -> None:
    producer = Producer({**settings.kafka_config(), "transactional.id": "hangs"})
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce(topics.EVENTS, b"x", b"k", partition=2)
    producer.flush(20)
    told = found(deployment)["transactions"]
    assert "a transaction on runs.events/2 is open since offset 0" in told.what
    producer.abort_transaction(20)
    assert "transactions" not in found(deployment)


def test_a_lane_without_an_owner(deployment: Deployment, settings: Settings) -> None:
    asked = request(run_id=uuid7())
    place = Publisher(settings.producer_config(), CODEC).publish(
        topics.REQUESTS, asked, asked.run_id
    )
    told = found(deployment)["lanes"]
    assert f"nobody takes the inputs of partition {place.partition}" in told.what
    # What the journal has decided is decided, though the group's offsets do not show it.
    decided = History(asked.run_id, partition=place.partition)
    decided.created()
    meta = decided.events[0].meta.model_copy(update={"cause": str(place)})
    value = CODEC.encode_event(meta, decided.events[0].fact)
    real_journal.put(settings.bootstrap_servers, topics.EVENTS, place.partition, value)
    assert "lanes" not in found(deployment)


def test_work_that_no_pool_does_and_views_that_stand_still(
    deployment: Deployment, settings: Settings
) -> None:
    real_journal.put(settings.bootstrap_servers, topics.TOOL_CALLS, 1, b"work")
    real_journal.write(settings.bootstrap_servers, [History("r", partition=3).created()])
    told = found(deployment)
    assert "tool.calls has work since" in told["pools"].what
    assert "no process is in runfold-tools" in told["pools"].what
    assert "the views lack runs.events/3 from offset 0 on" in told["views"].what


def test_what_an_older_projector_passed_by(deployment: Deployment, settings: Settings) -> None:
    value = base64.b64encode(History("r").created().values[0]).decode()
    assert "views" not in found(deployment, Level.WARNING)
    execute(
        settings,
        "INSERT INTO dead_letters (topic, record_partition, record_offset, time, found_by, code,"
        " reason, size, key, value_base64) VALUES ('runs.events', 0, 7, now(), 'projection',"
        f" 'unknown_schema', 'no schema', 9, 'r', '{value}')",
    )
    told = found(deployment, Level.WARNING)["views"]
    assert "the views lack 1 records of 1 runs" in told.what
    assert "`runfold rebuild`" in told.todo


def test_clocks_that_differ(deployment: Deployment, settings: Settings) -> None:
    ahead = request(run_id=uuid7(), requested_at=datetime.now(UTC) + timedelta(minutes=5))
    Publisher(settings.producer_config(), CODEC).publish(topics.REQUESTS, ahead, ahead.run_id)
    told = found(deployment, Level.WARNING)["clocks"]
    assert told.what == "a requester's clock, against the broker's, is 5 min ahead"
    late = replace_now(deployment, timedelta(seconds=-30))
    assert found(late, Level.WARNING)["clocks"].what.startswith("a requester's clock")
    sentences = {each.what for each in examine(late, explained)}
    right = {each.what for each in examine(deployment, explained)}
    assert "Postgres's clock is 30 s ahead" in sentences
    assert any(each.startswith("the broker's clock is ") for each in sentences - right)


def replace_now(deployment: Deployment, by: timedelta) -> Deployment:
    return replace(deployment, now=lambda: datetime.now(UTC) + by)


def test_runs_that_stand_still_by_what_the_journal_says(
    deployment: Deployment, settings: Settings
) -> None:
    waits = Day("waits").began(day()[0].to)
    waits.add(j.RunStarted()).asked_model("waits.1")
    asks = Day("asks").began(day()[0].to)
    asks.add(j.RunStarted())
    asks.proposed("asks.1", 1).decided("asks.1").asked_person("asks.1")
    doubts = Day("doubts").began(day()[0].to)
    doubts.add(j.RunStarted())
    doubts.proposed("doubts.1", 3).decided("doubts.1").approved("doubts.1").started("doubts.1")
    doubt = j.ToolCallUncertain(call_id="doubts.1", attempt=1, tool="pay", reason="?", latency_ms=1)
    doubts.add(doubt, RunStatus.WAITING_FOR_HUMAN)
    log = journal_of([waits, asks, doubts])
    project(log, settings.database_url)
    sick = replace(deployment, reader=log)
    told = {each.what for each in examine(sick, explained) if each.level is Level.WRONG}
    (stuck,) = [what for what in told if what.startswith("run ")]
    assert "run waits is waiting_for_model and silent for" in stuck
    assert "2 wait for a person" in found(sick, Level.WARNING)["approvals"].what
    # While its call may still come back, a run is not stuck.
    soon = waits.events[-1].meta.time + timedelta(seconds=0.5)
    hopeful = replace(sick, now=lambda: soon, limits=replace(AT_ONCE, run_silent_s=0.1))
    assert "runs" not in found(hopeful)


def waiting(settings: Settings) -> list[tuple[str, str]]:
    """What the SQL view says waits for a person."""
    with psycopg.connect(settings.database_url) as connection:
        rows = connection.execute(
            "SELECT call_id, kind FROM waiting_for_people WHERE since IS NOT NULL"
            " AND agent IS NOT NULL ORDER BY call_id"
        ).fetchall()
    return [(str(call), str(kind)) for call, kind in rows]


def doubted(run: str) -> Day:
    """A run with a call of which nobody knows whether it happened."""
    told = Day(run).began(day()[0].to)
    told.add(j.RunStarted())
    call = f"{run}.1"
    told.proposed(call, 3).decided(call).approved(call).started(call)
    doubt = j.ToolCallUncertain(call_id=call, attempt=1, tool="pay", reason="?", latency_ms=1)
    told.add(doubt, RunStatus.WAITING_FOR_HUMAN)
    return told


def test_what_a_person_has_resolved_waits_for_nobody(
    deployment: Deployment, settings: Settings
) -> None:
    migrate.upgrade(settings.database_url)
    asks, open_, resolved = Day("asks").began(day()[0].to), doubted("open"), doubted("resolved")
    asks.add(j.RunStarted())
    asks.proposed("asks.1", 1).decided("asks.1").asked_person("asks.1")
    # A person said that it happened: the claim of the dead process stays as it was.
    resolved.succeeded("resolved.1")
    log = journal_of([asks, open_, resolved])
    project(log, settings.database_url)
    for name in ("open", "resolved"):
        execute(
            settings,
            f"INSERT INTO tool_claims VALUES ('pay', '{name}', '1', 'acme', '{name}', '{name}.1',"
            " 1, '', 'started', 'dead', 't', now() - interval '5 min')",
        )
    assert waiting(settings) == [("asks.1", "tool_call"), ("open.1", "uncertain")]
    told = list(examine(replace(deployment, reader=log), explained))
    assert ["open.1" in each.what for each in told if each.check == "claims"] == [True]
    (waits,) = [each.what for each in told if each.check == "approvals"]
    assert waits.startswith("2 wait for a person")


def test_claims_letters_chains_and_failures(deployment: Deployment, settings: Settings) -> None:
    migrate.upgrade(settings.database_url)
    execute(
        settings,
        "INSERT INTO tool_claims VALUES ('pay', 'k', '1', 'acme', 'r', 'r.2', 1, '', 'started',"
        " 'dead', 't', now() - interval '5 min')",
    )
    execute(
        settings,
        "INSERT INTO tool_claims VALUES ('pay', 'k2', '1', 'acme', 'r', 'r.3', 1, '', 'started',"
        " 'alive', 't', now() - interval '5 min');"
        "INSERT INTO tool_claim_owners VALUES ('alive', now() + interval '1 h')",
    )
    execute(
        settings,
        "INSERT INTO dead_letters VALUES ('runs.requests', 0, 0, now(), 'engine', 'not_framed',"
        " 'rubbish', 3)",
    )
    execute(
        settings,
        "INSERT INTO projection_failures VALUES ('runs', 'runs.events', 0, 0, 'r', 1, 'no', now());"
        "INSERT INTO audit VALUES ('r', 'acme', 1, 1, '', false, 1, 0, 0, 0, now())",
    )
    told = found(deployment)
    assert "pay was begun for call r.2 5 min ago" in told["claims"].what
    assert "runfold resolve r.2" in told["claims"].todo
    assert "1 events could not be taken by a view" in told["views"].what
    assert "1 broken chains" in told["audit"].what
    letters = found(deployment, Level.WARNING)["dead letters"]
    assert letters.what == "1 in the last day; the newest: not_framed, rubbish"


def test_tables_of_another_release_or_none(deployment: Deployment, settings: Settings) -> None:
    execute(settings, "UPDATE projection_schema SET version = 99, oldest = 99")
    told = found(deployment)
    assert "the tables are of release 99" in told["tables"].what
    assert told.keys() == {"tables"}
    execute(settings, "UPDATE projection_schema SET oldest = 7")
    noted = found(deployment, Level.NOTE)["tables"].what
    assert noted == f"the tables are of release 99; this one, {schema.VERSION}, may write to them"
    execute(settings, "DROP TABLE projection_schema")
    assert "the tables of the views are missing" in found(deployment)["tables"].what


def test_schemas_that_drifted_and_a_registry_that_is_away(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "schemas"
    shutil.copytree(Path(__file__).parents[2] / "schemas", folder)
    file = folder / "alerts-runfold.AlertCleared" / "1.avsc"
    file.write_text(file.read_text().replace("AlertCleared", "AlertCleaned"))
    monkeypatch.setattr(schemas, "SchemaFolder", lambda: SchemaFolder(folder))
    told = found(replace(deployment, registry_url="http://127.0.0.1:1"))
    assert "AlertCleared" in told["schemas"].what
    assert "did not answer as it should" in told["registry"].what


def test_processes_and_disk(deployment: Deployment, tmp_path: Path) -> None:
    members = (
        MemberState("runs", "running", restarts=1, since=time.time(), reason="exit code 70"),
        MemberState("tools", "failed", reason="ended 6 times in a row"),
    )
    state = State(READY, pid=1, started=1, since=0.0, members=members)
    sick = replace(deployment, known=state)
    assert "tools is failed: ended 6 times in a row" in found(sick)["processes"].what
    told = found(sick, Level.WARNING)["processes"].what
    assert re.match(r"runs was started again \d+ s ago: exit code 70", told)
    stopped = replace(deployment, known=replace(state, phase=FAILED, detail="no port", members=()))
    assert found(stopped)["processes"].what == "the stack is failed: no port"
    levels = [machine.room(tmp_path, free, Limits()).level for free in (10**8, 10**9, 10**11)]
    assert levels == [Level.WRONG, Level.WARNING, Level.OK]
    assert all(machine.room(tmp_path, free, Limits()).what for free in (10**8, 10**11))


@pytest.mark.parametrize("away", ["broker", "postgres"])
def test_a_server_that_is_away_keeps_no_other_check_from_its_work(
    deployment: Deployment, away: str
) -> None:
    if away == "broker":
        sick = replace(deployment, kafka={"bootstrap.servers": "127.0.0.1:1"})
    else:
        sick = replace(deployment, engine=schema.engine("postgresql://somebody@127.0.0.1:1/away"))
    findings = list(examine(sick, explained))
    assert {each.check for each in findings if each.level is Level.WRONG} == {away}
    assert servers_away(findings)
    notes = [each.check for each in findings if each.level is Level.NOTE]
    assert {"views", "runs"} <= set(notes)
    assert "disk" in {each.check for each in findings if each.level is Level.OK}


def test_the_command_says_it_in_words_in_json_and_by_its_exit_code(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    schema.ensure(settings.database_url)
    context = Context()
    context.settings = settings
    context.attached = settings
    assert run(["doctor"], context) == exits.OK
    assert "0 things are wrong, 0 need attention." in capsys.readouterr().out
    execute(settings, "UPDATE projection_schema SET version = 99, oldest = 99")
    assert run(["doctor"], context) == exits.NO
    assert "→ run the same release of Runfold everywhere" in capsys.readouterr().out
    assert run(["doctor", "--json"], context) == exits.NO
    told = json.loads(capsys.readouterr().out)
    assert not told["sound"]
    assert {"check", "level", "what", "todo"} == set(told["findings"][0])
    context.attached = settings.at(settings.bootstrap_servers, "postgresql://x@127.0.0.1:1/x")
    context.engine.dispose()
    del context.engine
    assert run(["doctor"], context) == exits.UNAVAILABLE
    context.engine.dispose()
