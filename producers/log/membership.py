"""A member of a consumer group: how it joins, how changes are reported, and what it reads."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaException, TopicPartition

from runfold.infra.kafka.clients import Consumer
from runfold.producers.errors import (
    LogError,
    RefusedError,
    StrangePositionError,
    UnavailableError,
    translated,
)
from runfold.producers.log.consumers import LOUD, Settings, commit, consumer_of, read
from runfold.producers.log.group_positions import positions_of
from runfold.producers.log.tail import Portion, Positions

_log = logging.getLogger(__name__)

_AGAIN_S = 1.0
# Brokers that have just come back may not know their topics yet.
_REFUSED_S = 30.0

Changed = Callable[[Sequence[int]], None]
"""Called with partitions, from within ``take`` and ``close``."""


@dataclass(frozen=True, slots=True)
class Membership:
    """A consumer group, and the topic whose partitions its members share out.

    ``protocol`` is ``consumer`` or ``classic``. ``session_timeout_ms`` and ``instance`` belong to
    the classic protocol. ``instance`` is a stable name of this member: with it one that died has
    its partitions again at once instead of after the session time-out.
    """

    group: str
    topic: str
    protocol: str = "consumer"
    session_timeout_ms: int = 3000
    instance: str = ""

    def settings(self) -> dict[str, str | int | float | bool]:
        """Return the settings of a consumer that is such a member."""
        settings: dict[str, str | int | float | bool] = {
            "group.id": self.group,
            "group.protocol": self.protocol,
        }
        if self.protocol == "classic":
            settings["partition.assignment.strategy"] = "cooperative-sticky"
            settings["session.timeout.ms"] = self.session_timeout_ms
            settings["heartbeat.interval.ms"] = max(100, self.session_timeout_ms // 6)
            if self.instance:
                settings["group.instance.id"] = self.instance
        return settings


@dataclass(frozen=True, slots=True)
class Hooks:
    """Changes of a member's partitions: given to it, to be given back, or lost to others.

    After ``lost`` a commit would be refused.
    """

    given: Changed
    revoked: Changed
    lost: Changed


class Member:
    """One member of a group; all calls from one thread.

    One that does not read (``reads`` False) pauses what it is given before anything is fetched.
    One that reads goes on from what the group has committed, if that is of the topic of now;
    ``gone`` are ranges of offsets (first, next), by partition, that were deleted unread. While the
    brokers cannot say what that is, partitions are kept and nothing is read of them.
    """

    def __init__(
        self,
        kafka: Settings,
        membership: Membership,
        hooks: Hooks,
        own: Settings | None = None,
        on_commit: Callable[..., None] | None = None,
        *,
        reads: bool = True,
    ) -> None:
        self._kafka = kafka
        self._topic = membership.topic
        self._topic_id = ""
        self._fault: LogError | None = None
        self._unknown: dict[int, TopicPartition] = {}
        self._unknown_since = self._ask_at = 0.0
        self._hooks = hooks
        self._reads = reads
        self.gone: dict[int, tuple[int, int]] = {}
        settings = {**membership.settings(), **(LOUD if reads else {}), **(own or {})}
        noted = {} if on_commit is None else {"on_commit": on_commit}
        self._consumer = consumer_of(kafka, {**settings, **noted})

    def join(self) -> None:
        """Ask for a part of the topic."""
        self._consumer.subscribe(
            [self._topic],
            on_assign=self._on_assign,
            on_revoke=lambda _, places: self._hooks.revoked(self._begun(places)),
            on_lost=lambda _, places: self._hooks.lost(self._begun(places)),
        )

    def take(self, most: int, wait_s: float) -> Portion:
        """Return what is there; taking keeps the membership, also where all is paused.

        Raises StrangePositionError where the group's positions are of another topic, and LogError
        where waiting for them does not help.
        """
        portion = read(self._consumer, most, wait_s)
        self._begin_unknown()
        if self._fault is not None:
            raise self._fault
        return portion

    def pause(self, *, paused: bool) -> None:
        """Fetch nothing more of all that this member was given, or go on."""
        turn = self._consumer.pause if paused else self._consumer.resume
        known = [p for p in self._consumer.assignment() if p.partition not in self._unknown]
        turn(known)

    def seek(self, positions: Positions) -> None:
        """Go on from other offsets of places that this member has; raises LogError."""
        for (topic, number), at in positions.items():
            try:
                self._consumer.seek(TopicPartition(topic, number, at))
            except KafkaException as error:
                raise translated(error, f"going on at offset {at} of {topic}/{number}") from error

    def commit(self, positions: Positions, *, wait: bool) -> None:
        """Commit next offsets; raises LogError, without ``wait`` failures go to ``on_commit``."""
        commit(self._consumer, positions, wait=wait, topic_id=self._topic_id)

    def close(self) -> None:
        """Give everything up and leave the group."""
        self._consumer.close()

    def _on_assign(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        if not self._reads:
            # Only what is assigned can be paused; left to librdkafka, it would be fetched first.
            consumer.incremental_assign(places)
            consumer.pause(places)
        elif not self._begin(consumer, places):
            return
        self._hooks.given(_numbers(places))

    def _begun(self, places: list[TopicPartition]) -> list[int]:
        """Return which of the places this member was given for good; it has none of them now."""
        numbers = _numbers(places)
        unknown = {number for number in numbers if self._unknown.pop(number, None) is not None}
        return [number for number in numbers if number not in unknown]

    def _begin_unknown(self) -> None:
        """Begin to read partitions whose positions could not be asked for when they came."""
        if not self._unknown or time.monotonic() < self._ask_at or self._fault is not None:
            return
        places = list(self._unknown.values())
        if self._begin(self._consumer, places):
            self._consumer.resume(places)
            self._hooks.given(_numbers(places))

    def _keep(self, consumer: Consumer, places: list[TopicPartition], why: LogError) -> None:
        """Have nothing read of partitions until it is known from where on."""
        now = time.monotonic()
        if not self._unknown:
            self._unknown_since = now
        refused = isinstance(why, RefusedError) and now - self._unknown_since > _REFUSED_S
        if refused or not isinstance(why, RefusedError | UnavailableError):
            # Raised by ``take``: from within the callback it would end in the client.
            self._fault = why
            return
        _log.warning("positions are waited for: %s", why)
        new = [place for place in places if place.partition not in self._unknown]
        if new:
            consumer.incremental_assign(new)
            consumer.pause(new)
        self._unknown |= {place.partition: place for place in new}
        self._ask_at = time.monotonic() + _AGAIN_S

    def _begin(self, consumer: Consumer, places: list[TopicPartition]) -> bool:
        """Assign places at the positions of the group; whether that was possible."""
        try:
            found = positions_of(self._kafka, consumer, [(p.topic, p.partition) for p in places])
        except LogError as error:
            self._keep(consumer, places, error)
            return False
        if found.strange:
            self._fault = StrangePositionError("; ".join(found.strange))
            return False
        self._topic_id = found.topic_id or self._topic_id
        self.gone = {n: r for n, r in self.gone.items() if n not in _numbers(places)}
        self.gone |= found.gone
        if kept := [place for place in places if self._unknown.pop(place.partition, None)]:
            consumer.incremental_unassign(kept)
        consumer.incremental_assign([TopicPartition(*p, at) for p, at in found.starts.items()])
        return True


def _numbers(places: list[TopicPartition]) -> list[int]:
    return [place.partition for place in places]
