"""Ownership by membership in a consumer group: scale-out and failover by themselves.

The member consumes nothing: it is assigned partitions and pauses them at once. (Assigning nothing
would be simpler, but crashes a returning zombie under the ``consumer`` protocol.)
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, TopicPartition

from runfold.producers.errors import is_fatal
from runfold.producers.log.kafka_tail import consumer_of, shared
from runfold.producers.log.ownership.port import Given, Taken

logger = logging.getLogger(__name__)

_REJOIN_SECONDS = 1.0
_ALLOWED_SESSION_MS = 6000
_QUICK: dict[str, str | int | float | bool] = {
    "reconnect.backoff.ms": 20,
    "reconnect.backoff.max.ms": 500,
    "log_level": 0,
}


@dataclass(frozen=True, slots=True)
class Membership:
    """A consumer group, and the topic whose partition numbers its members share out.

    ``protocol`` is ``consumer`` or ``classic``. ``session_timeout_ms`` belongs to the classic
    protocol; where the brokers want it longer, it is 6000, which they all allow unless they are
    configured otherwise. That of the other protocol is the brokers' own.
    """

    group: str
    topic: str
    protocol: str = "consumer"
    session_timeout_ms: int = 3000


class GroupOwnership:
    """Owns what the group's coordinator assigns to this member."""

    def __init__(
        self, kafka: Mapping[str, str | int | float | bool], membership: Membership
    ) -> None:
        self._kafka, self._membership = kafka, membership
        self._session_ms = membership.session_timeout_ms
        self._assigned: set[int] = set()
        self._consumer: Consumer | None = None
        self._join_at = 0.0
        self._paused = threading.Event()
        self._given: Given
        self._taken: Taken

    def start(self, given: Given, taken: Taken) -> None:
        """Join the group."""
        self._given, self._taken = given, taken
        self._join()

    def poll(self, timeout: float) -> None:
        """Take part in the group; join it anew where the coordinator shut this member out."""
        if self._consumer is None:
            self._paused.wait(timeout)
            if time.monotonic() >= self._join_at:
                self._join()
            return
        message = self._consumer.poll(timeout)
        error = message.error() if message is not None else None
        if error is None:
            return
        logger.warning("group membership: %s", error.str())
        if error.code() == KafkaError.INVALID_SESSION_TIMEOUT:
            self._session_ms = _ALLOWED_SESSION_MS
            self._leave()
            return
        if is_fatal(error):
            self._leave()
            self._join_at = time.monotonic() + _REJOIN_SECONDS

    def assigned(self) -> frozenset[int]:
        """Return what the coordinator assigned to this member."""
        return frozenset(self._assigned)

    def close(self) -> None:
        """Leave the group after giving everything up."""
        self._leave()

    def _join(self) -> None:
        self._consumer = consumer_of({}, self._settings())
        self._consumer.subscribe(
            [self._membership.topic],
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_revoke,
        )

    def _settings(self) -> dict[str, str | int | float | bool]:
        settings: dict[str, str | int | float | bool] = {
            **_QUICK,
            **shared(self._kafka),
            "group.id": self._membership.group,
            "group.protocol": self._membership.protocol,
            "enable.auto.commit": False,
            "auto.offset.reset": "latest",
        }
        if self._membership.protocol == "classic":
            settings["partition.assignment.strategy"] = "cooperative-sticky"
            settings["session.timeout.ms"] = self._session_ms
            settings["heartbeat.interval.ms"] = max(100, self._session_ms // 6)
        return settings

    def _leave(self) -> None:
        """Close the membership; what closing did not take back is taken afterwards."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None
        self._take(sorted(self._assigned))

    def _on_assign(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        consumer.incremental_assign(places)
        consumer.pause(places)
        partitions = [place.partition for place in places]
        self._assigned.update(partitions)
        logger.info("partitions assigned", extra={"partitions": partitions})
        self._given(partitions)

    def _on_revoke(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        self._take([place.partition for place in places])
        consumer.incremental_unassign(places)

    def _take(self, partitions: Sequence[int]) -> None:
        if partitions:
            self._assigned.difference_update(partitions)
            logger.info("partitions taken", extra={"partitions": list(partitions)})
            self._taken(partitions)
