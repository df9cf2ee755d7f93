"""Ownership by membership in a consumer group: scale-out and failover by themselves.

The member consumes nothing: it is assigned partitions and pauses them at once. (Assigning nothing
would be simpler, but crashes a returning zombie under the ``consumer`` protocol.)
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from confluent_kafka import Consumer, TopicPartition

from events import topics
from processors.engine.config import EngineConfig, GroupConfig
from processors.engine.ownership import Given, Taken

logger = logging.getLogger(__name__)


class GroupOwnership:
    """Owns what the group's coordinator assigns to this member."""

    def __init__(self, config: EngineConfig, group: GroupConfig) -> None:
        settings: dict[str, str | int] = {"group_protocol": group.protocol}
        if group.protocol == "classic":
            settings["partition_assignment_strategy"] = "cooperative-sticky"
            settings["session_timeout_ms"] = group.session_timeout_ms
            settings["heartbeat_interval_ms"] = max(100, group.session_timeout_ms // 6)
        self._consumer = Consumer(
            config.client(
                group_id=f"{config.app}-runs-owners",
                enable_auto_commit=False,
                auto_offset_reset="latest",
                **settings,
            )
        )
        self._assigned: set[int] = set()

    def start(self, given: Given, taken: Taken) -> None:
        """Join the group."""

        def on_assign(consumer: Consumer, places: list[TopicPartition]) -> None:
            consumer.incremental_assign(places)
            consumer.pause(places)
            partitions = [place.partition for place in places]
            self._assigned.update(partitions)
            logger.info("partitions assigned", extra={"partitions": partitions})
            given(partitions)

        def on_revoke(consumer: Consumer, places: list[TopicPartition]) -> None:
            self._take(places, taken)
            consumer.incremental_unassign(places)

        self._consumer.subscribe(
            [topics.REQUESTS], on_assign=on_assign, on_revoke=on_revoke, on_lost=on_revoke
        )

    def poll(self, timeout: float) -> None:
        """Take part in the group."""
        message = self._consumer.poll(timeout)
        error = message.error() if message is not None else None
        if error is not None:
            logger.warning("group membership: %s", error.str())

    def assigned(self) -> frozenset[int]:
        """Return what the coordinator assigned to this member."""
        return frozenset(self._assigned)

    def close(self) -> None:
        """Leave the group after giving everything up."""
        self._consumer.close()

    def _take(self, places: list[TopicPartition], taken: Callable[[list[int]], None]) -> None:
        partitions = [place.partition for place in places]
        self._assigned.difference_update(partitions)
        logger.info("partitions taken", extra={"partitions": partitions})
        taken(partitions)
