"""What one test leaves in topics is gone for the next; what nobody used stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from confluent_kafka import Producer, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from runfold.events.topics import TOPICS
from runfold.producers.log.consumers import admin_of
from runfold.stack.settings import Settings
from tests.support import stack

pytestmark = pytest.mark.integration

SOME = TOPICS[:4]
WRITTEN, SET, GONE, UNUSED = (topic.name for topic in SOME)


@pytest.fixture
def there(servers: stack.Servers) -> Iterator[Settings]:
    settings = replace(servers.settings, deployment="emptied")
    stack.fresh_topics(settings, SOME)
    yield settings
    admin = admin_of(settings.kafka_config())
    names = [topic.name for topic in SOME]
    for future in admin.delete_topics(names, operation_timeout=20).values():
        future.result()


def ids(settings: Settings) -> dict[str, str]:
    """Which topics they are, whatever they are called."""
    # Its answers end with the client.
    admin = admin_of(settings.kafka_config())
    asked = admin.describe_topics(TopicCollection([topic.name for topic in SOME]))
    return {name: str(future.result().topic_id) for name, future in asked.items()}


def test_only_what_was_used_is_made_again(there: Settings) -> None:
    before, admin = ids(there), admin_of(there.kafka_config())
    producer = Producer({"bootstrap.servers": there.bootstrap_servers})
    producer.produce(f"emptied.{WRITTEN}", b"one record", partition=3)
    producer.flush(30)
    change = ConfigEntry("segment.ms", "60000", incremental_operation=AlterConfigOpType.SET)
    set_at = ConfigResource(ResourceType.TOPIC, SET, incremental_configs=[change])
    admin.incremental_alter_configs([set_at])[set_at].result()
    admin.delete_topics([GONE], operation_timeout=20)[GONE].result()

    stack.fresh_topics(there, SOME)

    after = ids(there)
    assert {name for name in before if after[name] == before[name]} == {UNUSED}
