"""A member of a consumer group: how it joins, how changes are reported, and what it reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, TopicPartition

from runfold.producers.errors import LogError, StrangePositionError, translated
from runfold.producers.log.consumers import LOUD, Settings, commit, consumer_of, read
from runfold.producers.log.group_positions import positions_of
from runfold.producers.log.tail import Portion, Positions

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
    ``gone`` are ranges of offsets (first, next), by partition, that were deleted unread.
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
            on_revoke=lambda _, places: self._hooks.revoked(_numbers(places)),
            on_lost=lambda _, places: self._hooks.lost(_numbers(places)),
        )

    def take(self, most: int, wait_s: float) -> Portion:
        """Return what is there; taking keeps the membership, also where all is paused.

        Raises StrangePositionError where the group's positions are of another topic, and LogError
        where they could not be asked for.
        """
        portion = read(self._consumer, most, wait_s)
        if self._fault is not None:
            raise self._fault
        return portion

    def pause(self, *, paused: bool) -> None:
        """Fetch nothing more of all that this member was given, or go on."""
        turn = self._consumer.pause if paused else self._consumer.resume
        turn(self._consumer.assignment())

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

    def _begin(self, consumer: Consumer, places: list[TopicPartition]) -> bool:
        """Assign places at the positions of the group; whether these are of the topic of now."""
        try:
            found = positions_of(self._kafka, consumer, [(p.topic, p.partition) for p in places])
        except LogError as error:
            # Raised by ``take``: from within the callback it would end in the client.
            self._fault = error
            return False
        if found.strange:
            self._fault = StrangePositionError("; ".join(found.strange))
            return False
        self._topic_id = found.topic_id or self._topic_id
        self.gone = {n: r for n, r in self.gone.items() if n not in _numbers(places)}
        self.gone |= found.gone
        consumer.incremental_assign([TopicPartition(*p, at) for p, at in found.starts.items()])
        return True


def _numbers(places: list[TopicPartition]) -> list[int]:
    return [place.partition for place in places]
