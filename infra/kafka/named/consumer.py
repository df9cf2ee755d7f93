"""A consumer of one deployment's topics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import Consumer, Message, TopicPartition

from runfold.infra.deployment.naming import Naming
from runfold.infra.kafka.named.places import (
    all_full,
    all_plain,
    asked_topics,
    full,
    plain_message,
    plain_topics,
)

Rebalanced = Callable[[Consumer, list[TopicPartition]], None]


class NamedConsumer(Consumer):
    """Takes and gives plain names. The group of its settings is full already."""

    def __init__(self, naming: Naming, settings: Mapping[str, Any]) -> None:
        given = dict(settings)
        if (on_commit := given.get("on_commit")) is not None:
            given["on_commit"] = lambda error, places: on_commit(error, all_plain(naming, places))
        super().__init__(given)
        self._naming = naming

    def subscribe(
        self,
        topics: list[str],
        on_assign: Rebalanced | None = None,
        on_revoke: Rebalanced | None = None,
        on_lost: Rebalanced | None = None,
    ) -> None:
        """Join the group for topics."""
        called = {"on_assign": on_assign, "on_revoke": on_revoke, "on_lost": on_lost}
        super().subscribe(
            [self._naming.full(topic) for topic in topics],
            **{name: self._heard(call) for name, call in called.items() if call is not None},
        )

    def poll(self, timeout: float = -1) -> Message | None:
        """Return one record."""
        found = super().poll(timeout)
        return None if found is None else plain_message(self._naming, found)

    def consume(self, num_messages: int = 1, timeout: float = -1) -> list[Message]:
        """Return records."""
        found = super().consume(num_messages, timeout)
        return [plain_message(self._naming, each) for each in found]

    def assign(self, partitions: list[TopicPartition]) -> None:
        """Follow exactly these places."""
        super().assign(all_full(self._naming, partitions))

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        """Follow these places, too."""
        super().incremental_assign(all_full(self._naming, partitions))

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        """Follow these places no more."""
        super().incremental_unassign(all_full(self._naming, partitions))

    def assignment(self) -> list[TopicPartition]:
        """Return the places that are followed."""
        return all_plain(self._naming, super().assignment())

    def pause(self, partitions: list[TopicPartition]) -> None:
        """Fetch nothing of these places."""
        super().pause(all_full(self._naming, partitions))

    def resume(self, partitions: list[TopicPartition]) -> None:
        """Fetch of these places again."""
        super().resume(all_full(self._naming, partitions))

    def seek(self, partition: TopicPartition) -> None:
        """Go on elsewhere in a place."""
        super().seek(full(self._naming, partition))

    def position(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """Return where it goes on."""
        return all_plain(self._naming, super().position(all_full(self._naming, partitions)))

    def committed(
        self, partitions: list[TopicPartition], timeout: float = -1
    ) -> list[TopicPartition]:
        """Return what the group has committed."""
        found = super().committed(all_full(self._naming, partitions), timeout)
        return all_plain(self._naming, found)

    def commit(self, **given: Any) -> Any:
        """Commit offsets of places."""
        if "offsets" in given:
            given["offsets"] = all_full(self._naming, given["offsets"])
        found: list[TopicPartition] | None = super().commit(**given)
        return None if found is None else all_plain(self._naming, found)

    def get_watermark_offsets(
        self, partition: TopicPartition, timeout: float = -1, cached: bool = False
    ) -> tuple[int, int]:
        """Return where a place begins and ends."""
        place = full(self._naming, partition)
        return super().get_watermark_offsets(place, timeout=timeout, cached=cached)

    def offsets_for_times(
        self, partitions: list[TopicPartition], timeout: float = -1
    ) -> list[TopicPartition]:
        """Return the first offset from a time on of each place."""
        found = super().offsets_for_times(all_full(self._naming, partitions), timeout)
        return all_plain(self._naming, found)

    def list_topics(self, topic: str | None = None, timeout: float = -1) -> Any:
        """Return brokers and the deployment's topics."""
        found = super().list_topics(**asked_topics(self._naming, topic), timeout=timeout)
        return plain_topics(self._naming, found)

    def _heard(self, call: Rebalanced) -> Rebalanced:
        return lambda consumer, places: call(consumer, all_plain(self._naming, places))
