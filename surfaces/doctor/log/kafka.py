"""What a Kafka cluster tells about itself, with every answer waited for at most ten seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    ConfigResource,
    ResourceType,
)

from runfold.producers.errors import UnavailableError, UnreadableError
from runfold.producers.log.consumers import admin_of
from runfold.producers.log.kafka_tail import KafkaEnds, KafkaTail
from runfold.producers.log.tail import RawRecord, firsts, time_of

Place = tuple[str, int]
"""Topic and partition."""

_SECONDS = 10.0
_NOT_YET = frozenset(
    {
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
    }
)


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition as the cluster sees it."""

    leader: int
    replicas: int
    in_sync: int


@dataclass(frozen=True, slots=True)
class Cluster:
    """The brokers that are up, and every topic's partitions by number."""

    brokers: int
    topics: Mapping[str, Mapping[int, Partition]]


@dataclass(frozen=True, slots=True)
class Found:
    """A record's place and the time it carries."""

    offset: int
    time: datetime
    value: bytes | None


class KafkaLook:
    """Questions to a cluster; all raise KafkaException or UnavailableError without an answer."""

    def __init__(self, config: Mapping[str, str]) -> None:
        self._config = config
        self._admin = admin_of(config)

    def cluster(self) -> Cluster:
        """Return brokers and topics."""
        known = self._admin.list_topics(timeout=_SECONDS)
        topics = {
            name: {
                number: Partition(each.leader, len(each.replicas), len(each.isrs))
                for number, each in topic.partitions.items()
            }
            for name, topic in known.topics.items()
        }
        return Cluster(len(known.brokers), topics)

    def settings_of(self, topics: Iterable[str]) -> dict[str, dict[str, str]]:
        """Return every setting of these topics."""
        wanted = [ConfigResource(ResourceType.TOPIC, name) for name in topics]
        asked = self._admin.describe_configs(wanted, request_timeout=_SECONDS)
        return {
            resource.name: {name: entry.value for name, entry in future.result().items()}
            for resource, future in asked.items()
        }

    def ends(self, places: Iterable[Place], *, committed: bool) -> dict[Place, int]:
        """Return the next offset of each place: for readers of committed records, or of all."""
        ends = KafkaEnds(self._config)
        ask = ends.stable if committed else ends.high
        return ask(list(places), _SECONDS)

    def offsets_of(self, group: str) -> dict[Place, int]:
        """Return the next offset that a group has committed, by place; empty for no such group."""
        wanted = [ConsumerGroupTopicPartitions(group)]
        found = _patiently(
            lambda: self._admin.list_consumer_group_offsets(wanted, request_timeout=_SECONDS)
        )
        return {
            (place.topic, place.partition): place.offset
            for place in found.topic_partitions
            if place.offset >= 0
        }

    def members_of(self, group: str) -> int:
        """Return how many members a group has now, 0 for no such group."""
        try:
            found = _patiently(
                lambda: self._admin.describe_consumer_groups([group], request_timeout=_SECONDS)
            )
        except KafkaException as error:
            if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                return 0
            raise
        return len(found.members)

    def first_from(
        self, places: Mapping[Place, int], *, committed: bool = True
    ) -> dict[Place, Found]:
        """Return the first record at or after an offset of each place, where there is one."""
        if not places:
            return {}
        level = "read_committed" if committed else "read_uncommitted"
        tail = KafkaTail(self._config, own={"isolation.level": level}, lookup_s=_SECONDS)
        until = time.monotonic() + _SECONDS
        with closing(tail):
            found = firsts(tail, places, lambda: time.monotonic() > until)
        if len(found) < len(places):
            raise UnavailableError("Kafka has been silent for 10 s: check that it runs.")
        for one in found.values():
            if isinstance(one, UnreadableError):
                raise one
        return {
            place: _found(one)
            for place, one in found.items()
            if not isinstance(one, int | UnreadableError)
        }


def _patiently(ask: Callable[[], Mapping[str, Any]]) -> Any:
    """Return the one answer; a coordinator that has only just been chosen is asked again."""
    until = time.monotonic() + _SECONDS
    while True:
        try:
            return next(iter(ask().values())).result()
        except KafkaException as error:
            if error.args[0].code() not in _NOT_YET or time.monotonic() > until:
                raise
        time.sleep(0.1)


def _found(message: RawRecord) -> Found:
    return Found(message.offset() or 0, time_of(message), message.value())
