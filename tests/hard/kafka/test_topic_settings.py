"""Settings that guarantees rest on are pinned, checked and refused; a lost beginning is noticed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping

import pytest
from confluent_kafka import KafkaError, Producer, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from runfold.events import topics
from runfold.events.definitions import Definitions
from runfold.events.topic_settings import faults, needed
from runfold.events.topics import TOPICS, Topic
from runfold.processors.definitions.fixed import FixedDefinitions
from runfold.processors.engine.config import EngineConfig
from runfold.processors.engine.kafka.lane_context import LaneState
from runfold.processors.engine.kafka.runner import Engine
from runfold.processors.engine.ports import NoEffects
from runfold.processors.run.aggregate import RUNS
from runfold.producers.errors import LostStartError, RefusedError
from runfold.producers.log.kafka import TopicReader
from runfold.producers.log.topics.topic_check import TopicWatch, need_settings
from runfold.projections import schema
from runfold.projections.store.reading.reader import ReaderConfig
from runfold.projections.store.rebuild import compare, rebuild
from runfold.stack.errors import StackError
from runfold.stack.kafka.topics import ensure_topics
from runfold.stack.settings import Settings
from runfold.surfaces.audit.journal import verify
from runfold.surfaces.cli.faults import explained
from runfold.surfaces.costs import verifying
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.examination import examine
from runfold.surfaces.doctor.finding import Level
from tests.projections.running import projector, wait_caught_up
from tests.support import journal
from tests.support.builders.history import CODEC, History
from tests.support.stack import Servers, fresh_topics, wait_until

WRONG = {
    "cleanup.policy": {"delete": "compact", "compact": "delete"},
    "retention.ms": {
        "-1": "604800000",
        "604800000": "3600000",
        "86400000": "3600000",
        "600000": "1000",
    },
    "retention.bytes": {"-1": "20000", "100000000": "20000"},
    "message.timestamp.type": {"CreateTime": "LogAppendTime", "LogAppendTime": "CreateTime"},
    "unclean.leader.election.enable": {"false": "true"},
    "max.message.bytes": {"8000000": "1000000"},
    "min.insync.replicas": {"1": "2"},
    "compression.type": {"uncompressed": "gzip", "producer": "gzip"},
}
BREAKING = [
    (topic, setting)
    for topic in TOPICS
    for setting in needed(topic.config, 1)
    if setting in WRONG and setting != "compression.type"
]

BROKER = "1"
"""The id of the broker, embedded or in a container."""


def wrong_value(topic: Topic, setting: str) -> str:
    return WRONG[setting][needed(topic.config, 1)[setting]]


@pytest.mark.parametrize(
    ("topic", "setting"), BREAKING, ids=[f"{topic.name}-{setting}" for topic, setting in BREAKING]
)
def test_each_setting_that_breaks_a_guarantee_is_named(topic: Topic, setting: str) -> None:
    right = needed(topic.config, 1)
    assert faults(topic.name, topic.config, right, 1) == []
    wrong = wrong_value(topic, setting)
    (fault,) = faults(topic.name, topic.config, {**right, setting: wrong}, 1)
    assert fault.breaks
    assert f"{topic.name} has {setting}={wrong}, it must be {right[setting]}" in fault.sentence()
    assert f"--add-config {setting}={right[setting]}" in fault.command()


def test_what_keeps_more_than_needed_is_no_fault() -> None:
    requests = next(topic for topic in TOPICS if topic.name == topics.REQUESTS)
    more = {**needed(requests.config, 3), "retention.ms": "-1", "min.insync.replicas": "3"}
    assert faults(requests.name, requests.config, more, 3) == []
    assert needed(requests.config, 3)["min.insync.replicas"] == "2"


def alter(kafka: Mapping[str, str | int | float], topic: str, setting: str, value: str) -> None:
    kind = ResourceType.BROKER if topic == BROKER else ResourceType.TOPIC
    step = AlterConfigOpType.SET if value else AlterConfigOpType.DELETE
    entry = ConfigEntry(setting, value or None, incremental_operation=step)
    resource = ConfigResource(kind, topic, incremental_configs=[entry])
    admin = AdminClient({**kafka})
    for future in admin.incremental_alter_configs([resource]).values():
        future.result()


def settings_of(kafka: Mapping[str, str | int | float], topic: str) -> dict[str, str]:
    resource = ConfigResource(ResourceType.TOPIC, topic)
    admin = AdminClient({**kafka})
    found = admin.describe_configs([resource])[resource].result()
    return {name: entry.value for name, entry in found.items()}


@pytest.fixture
def restored(servers: Servers) -> Iterator[Servers]:
    """Servers whose topics a test may spoil."""
    fresh_topics(servers.settings)
    yield servers
    ensure_topics(servers.settings.kafka_config(), TOPICS, servers.settings.partitions, mend=True)


@pytest.mark.integration
@pytest.mark.parametrize("setting", sorted(WRONG))
def test_a_topic_that_somebody_set_otherwise_is_refused_until_mended(
    restored: Servers, setting: str
) -> None:
    kafka, partitions = restored.settings.kafka_config(), restored.settings.partitions
    topic = next(topic for topic in TOPICS if topic.name == topics.REQUESTS)
    wrong, right = wrong_value(topic, setting), needed(topic.config, 1)[setting]
    alter(kafka, topic.name, setting, wrong)
    wait_until(lambda: settings_of(kafka, topic.name)[setting] == wrong)
    said = f"{topic.name} has {setting}={wrong}, it must be {right}"
    if setting == "compression.type":
        warned: list[str] = []
        ensure_topics(kafka, TOPICS, partitions, report=warned.append)
        need_settings(kafka, TOPICS)
        assert said in warned[0]
    else:
        with pytest.raises(StackError, match=f"{said}.*--mend"):
            ensure_topics(kafka, TOPICS, partitions)
        with pytest.raises(RefusedError, match=f"does not start: topic {said}"):
            need_settings(kafka, TOPICS)
    ensure_topics(kafka, TOPICS, partitions, mend=True)
    wait_until(lambda: settings_of(kafka, topic.name)[setting] == right)
    need_settings(kafka, TOPICS)


@pytest.mark.integration
def test_what_the_broker_decides_for_all_topics_does_not_reach_ours(restored: Servers) -> None:
    kafka, partitions = restored.settings.kafka_config(), restored.settings.partitions
    alter(kafka, topics.EVENTS, "retention.bytes", "")
    wait_until(lambda: settings_of(kafka, topics.EVENTS)["retention.bytes"] == "-1")
    # Made by an older release: right, but not pinned.
    ensure_topics(kafka, TOPICS, partitions)
    try:
        alter(kafka, BROKER, "log.retention.bytes", "20000000")
        alter(kafka, topics.ALERTS, "retention.bytes", "")
        wait_until(lambda: settings_of(kafka, topics.ALERTS)["retention.bytes"] == "20000000")
        assert settings_of(kafka, topics.EVENTS)["retention.bytes"] == "-1"
        with pytest.raises(StackError, match=r"alerts has retention\.bytes=20000000"):
            ensure_topics(kafka, TOPICS, partitions)
    finally:
        alter(kafka, BROKER, "log.retention.bytes", "")


@pytest.mark.integration
def test_a_batch_that_inflates_beyond_bounds_is_refused_by_the_broker(restored: Servers) -> None:
    refused: list[KafkaError | None] = []
    producer = Producer(
        {**restored.settings.producer_config(), "compression.type": "lz4", "linger.ms": 500}
        | {"batch.size": 50_000_000, "message.max.bytes": 50_000_000}
    )
    for _ in range(12):
        producer.produce(
            topics.REQUESTS,
            bytes(900_000),
            b"k",
            0,
            on_delivery=lambda error, _: refused.append(error),
        )
    producer.flush(30)
    assert {each.code() if each else None for each in refused} == {KafkaError.MSG_SIZE_TOO_LARGE}


@pytest.mark.integration
def test_a_projector_does_not_start_on_a_journal_that_is_deleted(settings: Settings) -> None:
    kafka = settings.kafka_config()
    alter(kafka, topics.EVENTS, "retention.ms", "1000000000")
    wait_until(lambda: settings_of(kafka, topics.EVENTS)["retention.ms"] == "1000000000")
    try:
        with projector(settings) as process:
            assert process.wait(30) == 2
        said = (settings.home / "projector.log").read_text()
        assert "runs.events has retention.ms=1000000000, it must be -1" in said
    finally:
        ensure_topics(kafka, TOPICS, settings.partitions, mend=True)


@pytest.mark.integration
def test_a_running_process_says_so_again_and_again(
    restored: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    kafka = restored.settings.kafka_config()
    alter(kafka, topics.EVENTS, "cleanup.policy", "compact")
    watch = TopicWatch(kafka, TOPICS, every_s=0.05)
    with caplog.at_level(logging.CRITICAL):
        watch.start()
        wait_until(lambda: caplog.text.count("runs.events has cleanup.policy=compact") > 1)
        watch.stop()
        watch.join()


@pytest.fixture
def headless(settings: Settings) -> Settings:
    """Views of two runs; the journal has since lost what is before the last event of one."""
    lost = History("lost", partition=1).created().asked_model("m")
    kept = History("kept", partition=0).created().asked_model("n")
    journal.write(settings.bootstrap_servers, [lost])
    journal.write(settings.bootstrap_servers, [kept])
    with projector(settings):
        wait_caught_up(settings)
    place = TopicPartition(topics.EVENTS, 1, 2)
    admin = AdminClient({**settings.kafka_config()})
    for future in admin.delete_records([place]).values():
        future.result()
    return settings


@pytest.mark.integration
def test_a_journal_that_lost_its_beginning_is_noticed_by_everybody(headless: Settings) -> None:
    said = r"runs\.events/1 begins at offset 2 and must begin at 0.*back-up"
    kafka, reader = headless.kafka_config(), TopicReader(headless.kafka_config(), CODEC)
    engine = schema.engine(headless.database_url)
    with pytest.raises(LostStartError, match=said):
        verifying.verify(engine, reader)
    for look in (rebuild, compare):
        with pytest.raises(LostStartError, match=said):
            look("runs", headless.database_url, ReaderConfig(kafka), CODEC)
    (verdict,) = [each for each in verify(reader) if each.run_id == "runs.events/1"]
    assert "begins at offset 2" in verdict.faults[0].reason
    deployment = Deployment(
        kafka={name: str(value) for name, value in kafka.items()},
        reader=reader,
        engine=engine,
        home=headless.home,
    )
    (found,) = [each for each in examine(deployment, explained) if each.check == "topics"]
    engine.dispose()
    assert found.level is Level.WRONG
    assert "runs.events/1 begins at offset 2" in found.what
    assert "rebuild no view" in found.todo


@pytest.mark.integration
def test_a_lane_does_not_forget_runs_whose_events_are_gone(headless: Settings) -> None:
    config = EngineConfig(headless.kafka_config(), headless.partitions, fixed=(2, 1))
    engine = Engine(config, RUNS, CODEC, FixedDefinitions(Definitions()), NoEffects())
    thread = threading.Thread(target=engine.run)
    thread.start()
    try:
        wait_until(lambda: engine.lanes() == {2: LaneState.RUNNING, 1: LaneState.BROKEN})
        assert "what was live there is lost" in engine._lanes[1].why
    finally:
        engine.stop()
        thread.join()
