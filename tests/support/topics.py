"""Topics as if nobody had used them, for the next test on the same broker."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    ConfigResource,
    ConfigSource,
    OffsetSpec,
    ResourceType,
)

from runfold.events.topics import TOPICS, Topic
from runfold.infra.kafka.clients import Admin
from runfold.producers.log.consumers import admin_of
from runfold.stack.kafka.topics import ensure_topics
from runfold.stack.settings import Settings
from tests.support.waiting import wait_until

_made: dict[tuple[str, str], dict[str, dict[str, str]]] = {}
"""By broker and deployment: the settings of each topic as it was when ``fresh_topics`` made it."""


def fresh_topics(settings: Settings, specs: tuple[Topic, ...] = TOPICS) -> None:
    """Make topics, all of Runfold unless told otherwise, as if nobody had ever used them.

    Those that somebody wrote to, or set otherwise, are deleted and created again; a test seldom
    uses half of them, and each that is made costs the broker as much as many a test does.
    """
    admin = admin_of(settings.kafka_config())
    there = admin.list_topics(timeout=10).topics
    counts = {topic.name: settings.partitions if topic.by_run else 1 for topic in specs}
    sized = {
        name for name in counts if name in there and len(there[name].partitions) == counts[name]
    }
    key = settings.bootstrap_servers, settings.deployment
    made = _made.setdefault(key, {})
    whole = {name for name, own in _own_settings(admin, sized).items() if made.get(name) == own}
    used = counts.keys() & there.keys() - (whole - _written(admin, whole, counts))
    if used:
        for future in admin.delete_topics(sorted(used), operation_timeout=10).values():
            with suppress(KafkaException):
                future.result()
        wait_until(lambda: not used & set(admin.list_topics(timeout=10).topics))
    new = ensure_topics(settings.kafka_config(), specs, settings.partitions)
    made.update(_own_settings(admin, set(new)))


def _own_settings(admin: Admin, names: Collection[str]) -> dict[str, dict[str, str]]:
    """What is set at each topic itself; topics that cannot be asked are left out."""
    wanted = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    found: dict[str, dict[str, str]] = {}
    for resource, future in (admin.describe_configs(wanted) if wanted else {}).items():
        with suppress(KafkaException):
            found[resource.name] = {
                name: entry.value
                for name, entry in future.result().items()
                if entry.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value
            }
    return found


def _written(admin: Admin, names: Collection[str], counts: Mapping[str, int]) -> set[str]:
    """Which topics do not still begin and end at nothing; those that cannot be asked count."""
    places = {
        TopicPartition(name, number): OffsetSpec.latest()  # type: ignore[no-untyped-call]
        for name in names
        for number in range(counts[name])
    }
    written = set[str]()
    for place, future in (admin.list_offsets(places) if places else {}).items():
        try:
            end = future.result().offset
        except KafkaException:
            end = -1
        if end != 0:
            written.add(place.topic)
    return written
