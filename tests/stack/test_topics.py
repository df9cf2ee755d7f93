from __future__ import annotations

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]

from runfold.events.topics import EVENTS, REGISTRY, TOPICS, Topic
from runfold.stack.errors import StackError
from runfold.stack.kafka.topics import ensure_topics
from runfold.stack.settings import Settings
from tests.support.stack import Servers, fresh_topics, wait_until

pytestmark = pytest.mark.integration


def partitions(settings: Settings) -> dict[str, int]:
    admin = AdminClient({**settings.kafka_config()})
    return {name: len(it.partitions) for name, it in admin.list_topics(timeout=10).topics.items()}


@pytest.mark.usefixtures("bootstrap_servers")
def test_every_topic_exists_with_its_partitions_and_settings(servers: Servers) -> None:
    found = partitions(servers.settings)

    assert found[EVENTS] == servers.settings.partitions
    assert found[REGISTRY] == 1
    assert {topic.name for topic in TOPICS} <= set(found)
    admin = AdminClient({**servers.settings.kafka_config()})
    resource = ConfigResource(ResourceType.TOPIC, REGISTRY)
    config = admin.describe_configs([resource])[resource].result()
    assert config["cleanup.policy"].value == "compact"


@pytest.mark.usefixtures("bootstrap_servers")
def test_making_sure_twice_changes_nothing(servers: Servers) -> None:
    again = ensure_topics(servers.settings.kafka_config(), TOPICS, servers.settings.partitions)

    assert again == ()


@pytest.mark.usefixtures("bootstrap_servers")
def test_another_number_of_partitions_is_refused(servers: Servers) -> None:
    with pytest.raises(StackError, match=r"runs\.\w+ has 4 partitions and must have 6: set RUNF"):
        ensure_topics(servers.settings.kafka_config(), TOPICS, 6)


def test_fresh_topics_are_empty(servers: Servers) -> None:
    fresh_topics(servers.settings)
    producer = Producer({**servers.settings.producer_config()})
    producer.produce(EVENTS, b"x", partition=0)
    assert producer.flush(10) == 0
    fresh_topics(servers.settings)

    consumer = Consumer({**servers.settings.kafka_config(), "group.id": "test"})
    try:
        assert consumer.get_watermark_offsets(TopicPartition(EVENTS, 0), timeout=10) == (0, 0)
    finally:
        consumer.close()


def test_a_kafka_that_does_not_answer_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runfold.stack.kafka.topics._SECONDS", 0.2)
    config: dict[str, str | int | float] = {"bootstrap.servers": "127.0.0.1:1"}

    with pytest.raises(StackError, match=r"Kafka at 127\.0\.0\.1:1 does not answer"):
        ensure_topics(config, [Topic("t", "a test")], 1)


@pytest.mark.usefixtures("bootstrap_servers")
def test_a_topic_is_created_without_what_the_brokers_refuse_it_to_be_born_with(
    servers: Servers,
) -> None:
    config = servers.settings.kafka_config()
    admin = AdminClient({**config})
    admin.delete_topics([REGISTRY])[REGISTRY].result(20)
    refused = {"min.compaction.lag.ms": "9", "max.compaction.lag.ms": "5"}

    def created() -> bool:
        try:
            made = ensure_topics(
                config, TOPICS, servers.settings.partitions, born={REGISTRY: refused}
            )
        except StackError:
            # The brokers have not all heard of the deletion yet.
            return False
        return made == (REGISTRY,)

    wait_until(created)
    assert partitions(servers.settings)[REGISTRY] == 1
