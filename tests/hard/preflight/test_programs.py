"""Each fault ends each program with its exit code and one sentence, before it does anything."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions  # type: ignore[attr-defined]

from runfold.events import topics
from runfold.events.topics import MAX_RECORD_BYTES, TOPICS
from runfold.infra.kafka.counts import CountWatch
from runfold.infra.kafka.errors import KafkaUnfitError
from runfold.infra.kafka.limits import broken
from runfold.infra.kafka.preflight import need
from runfold.infra.kafka.rights import PREPARE, PROGRAMS
from runfold.infra.process.exit_codes import ExitCode
from runfold.producers.log.kafka import TopicReader
from runfold.projections import schema
from runfold.stack import control
from runfold.stack.errors import StackError
from runfold.stack.kafka.topics import ensure_topics
from runfold.stack.settings import Settings
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.faults import explained
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.examination import examine, servers_away
from runfold.surfaces.doctor.finding import Finding, Level
from tests.hard.preflight.brokers import Secured, broker, secured_settings
from tests.support.builders.history import CODEC
from tests.support.stack import Servers, embedded_settings, fresh_topics, temporary_home, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

ROOT = Path(__file__).parents[3]
UP = "runfold.surfaces.cli up"
MODULES = {
    "runfold.stack.prepare": ExitCode.WRONG_SETTINGS,
    UP: exits.UNAVAILABLE,
    "runfold.processors.run": ExitCode.WRONG_SETTINGS,
    "runfold.processors.tool": ExitCode.WRONG_SETTINGS,
    "runfold.processors.model": ExitCode.WRONG_SETTINGS,
    "runfold.processors.context": ExitCode.WRONG_SETTINGS,
    "runfold.projections": ExitCode.WRONG_SETTINGS,
    "runfold.processors.monitor": ExitCode.WRONG_SETTINGS,
}
"""Every program that begins with Kafka, and how it ends where that cannot be used."""


def ended(settings: Settings, module: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **settings.to_env(), "RUNFOLD_LOG_LEVEL": "ERROR"}
    return subprocess.run(
        [sys.executable, "-m", *module.split()],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("module", MODULES)
def test_a_wrong_password_is_one_sentence_of_every_program(
    guarded: Secured, database_url: str, tmp_path: Path, module: str
) -> None:
    kafka = {**guarded.sasl("cli"), "sasl.password": "guessed"}
    mine = replace(guarded.settings.at("", database_url), home=tmp_path)
    found = ended(secured_settings(mine, kafka), module)
    said = " ".join(found.stderr.split())
    assert found.returncode == MODULES[module], said
    assert "does not accept User:cli" in said
    assert "KAFKA_SASL_PASSWORD" in said
    assert "guessed" not in said
    assert "Traceback" not in said
    assert said.count("does not accept") == 1


def findings(kafka: dict[str, str], database_url: str, home: Path) -> list[Finding]:
    engine = schema.engine(database_url)
    deployment = Deployment(kafka, TopicReader(kafka, CODEC), engine, home)
    try:
        return list(examine(deployment, explained))
    finally:
        engine.dispose()


def test_the_doctor_says_who_is_not_let_in_and_what_is_not_allowed(
    guarded: Secured, database_url: str, tmp_path: Path
) -> None:
    schema.ensure(database_url)
    ensure_topics(guarded.settings.kafka_config(), TOPICS, guarded.settings.partitions)
    wrong_password = {**guarded.sasl("cli"), "sasl.password": "guessed"}
    told = findings(wrong_password, database_url, tmp_path)
    (door,) = [each for each in told if each.check == "broker"]
    assert door.level is Level.WRONG
    assert "does not accept User:cli" in door.what
    assert servers_away(told)

    told = findings(guarded.sasl("nobody"), database_url, tmp_path)
    rights = [each for each in told if each.check == "rights"]
    wrong = [each.what for each in rights if each.level is Level.WRONG]
    assert any("User:nobody may not READ the topic runs.events" in what for what in wrong)
    # Processes may be other users than who asks the doctor, where none of them runs here.
    notes = [each.what for each in rights if each.level is Level.NOTE]
    assert any("which the tool pool needs" in what for what in notes)


@pytest.fixture(scope="module")
def capped() -> Iterator[Settings]:
    """A broker whose bounds are too small for Runfold."""
    with (
        temporary_home() as home,
        broker(
            home,
            {
                "transaction.max.timeout.ms": "5000",
                "socket.request.max.bytes": "1000000",
                "message.max.bytes": "900000",
                "group.min.session.timeout.ms": "10000",
            },
        ) as own,
    ):
        yield embedded_settings(home).at(own.bootstrap_servers, "")


@pytest.mark.parametrize(
    ("program", "said", "left_out"),
    [
        ("runfold-runs", "transaction.max.timeout.ms=5000", "group.min.session"),
        ("runfold-tools", "group.min.session.timeout.ms", "transaction.max"),
        ("runfold-projector", "no request above 1000000 bytes", "group.min.session"),
        # It writes summaries, a partition to a transaction.
        ("runfold-projector", "transaction.max.timeout.ms=5000", "group.min.session"),
    ],
)
def test_bounds_of_the_brokers_are_named_to_whom_they_bind(
    capped: Settings, program: str, said: str, left_out: str
) -> None:
    with pytest.raises(KafkaUnfitError) as told:
        need(capped.kafka_config(), [program])
    assert said in str(told.value)
    assert left_out not in str(told.value)


def test_prepare_says_all_bounds_before_it_makes_a_topic(capped: Settings) -> None:
    found = ended(capped, "runfold.stack.prepare")
    assert found.returncode == ExitCode.WRONG_SETTINGS
    for setting in ("transaction.max.timeout.ms", "socket.request.max.bytes", "group.min.session"):
        assert setting in found.stderr
    made = AdminClient({**capped.kafka_config()}).list_topics(timeout=10).topics
    assert [name for name in made if not name.startswith("__")] == []


def test_the_defaults_of_a_broker_are_enough() -> None:
    usual = {
        "transaction.max.timeout.ms": "900000",
        "socket.request.max.bytes": "104857600",
        "group.min.session.timeout.ms": "6000",
        "group.max.session.timeout.ms": "1800000",
        "something.else": None,
    }
    for program in PROGRAMS.values():
        assert list(broken(usual, program)) == []
        assert list(broken({}, program)) == []


def test_a_broker_s_own_bound_on_records_does_not_reach_the_topics(servers: Servers) -> None:
    """``message.max.bytes`` counts where a topic says nothing; ours say what they need."""
    fresh_topics(servers.settings)
    producer = Producer({**servers.settings.producer_config(), "message.max.bytes": 8_000_000})
    refused: list[object] = []
    size = MAX_RECORD_BYTES - 10_000
    producer.produce(topics.EVENTS, bytes(size), on_delivery=lambda e, _: refused.append(e))
    producer.flush(60)
    assert refused == [None]


@pytest.fixture
def repartitioned(settings: Settings) -> Iterator[Settings]:
    """A deployment whose topics a test may give more partitions."""
    yield settings
    fresh_topics(settings)


def give(settings: Settings, topic: str, count: int) -> None:
    admin = AdminClient({**settings.kafka_config()})
    for future in admin.create_partitions([NewPartitions(topic, count)]).values():
        future.result()
    wait_until(lambda: len(admin.list_topics(timeout=10).topics[topic].partitions) == count)


def test_a_run_processor_ends_when_an_input_topic_is_given_more_partitions(
    repartitioned: Settings,
) -> None:
    ready = repartitioned.home / "ready"
    env = {
        **os.environ,
        **repartitioned.to_env(),
        "RUNFOLD_READY_FILE": str(ready),
    }
    log = repartitioned.home / "runs.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "runfold.processors.run"], env=env, cwd=ROOT, stderr=out
        )
    try:
        wait_until(ready.exists, 120)
        give(repartitioned, topics.REQUESTS, 8)
        assert process.wait(120) == ExitCode.WRONG_SETTINGS
    finally:
        process.kill()
        process.wait()
    said = "The topic runs.requests has 8 partitions and this deployment 4"
    assert said in log.read_text()
    # No start helps, and each says why.
    again = ended(repartitioned, "runfold.processors.run")
    assert again.returncode == ExitCode.WRONG_SETTINGS
    assert f"{said}: what is sent to the partitions 4 to 7 is read by nobody" in again.stderr
    with pytest.raises(StackError, match=said):
        ensure_topics(repartitioned.kafka_config(), TOPICS, repartitioned.partitions)


def test_the_watch_says_once_which_topic_it_is(repartitioned: Settings) -> None:
    said: list[str] = []
    watch = CountWatch(repartitioned.kafka_config(), 4, said.append, every_s=0.05)
    watch.start()
    give(repartitioned, topics.REGISTRY, 2)
    watch.join(60)
    assert len(said) == 1
    assert "The topic registry has 2 partitions and must have 1" in said[0]


def test_one_process_without_its_rights_stands_still_and_the_others_work(
    guarded: Secured, database_url: str, own_home: Path
) -> None:
    """``up`` on a cluster where the user may not read the tools' calls."""
    everything = [right for name in PROGRAMS for right in PROGRAMS[name].rights]
    guarded.allow("runs", [right for right in everything if right.name != "tool.calls"])
    guarded.allow("runs", [r for r in PROGRAMS["runfold-runs"].rights if r.name == "tool.calls"])
    guarded.allow("runs", [r for r in PROGRAMS[PREPARE].rights if r.name == "tool.calls"])
    ensure_topics(guarded.settings.kafka_config(), TOPICS, guarded.settings.partitions)
    mine = replace(guarded.settings.at("", database_url), home=own_home)
    settings = secured_settings(mine, guarded.sasl("runs"))
    try:
        found = ended(settings, UP)
        known = control.status(settings)
    finally:
        control.down(settings)
    said = " ".join((found.stdout + found.stderr).split())
    assert found.returncode == exits.UNAVAILABLE, said
    assert "tools stands still: exit code 2: User:runs may not READ the topic tool.calls" in said
    assert known is not None
    states = {member.name: (member.state, member.restarts) for member in known.members}
    assert states["tools"] == ("failed", 0)
    for name in ("runs", "projector", "monitor"):
        assert states[name] == ("running", 0), known
