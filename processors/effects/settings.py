"""How a pool is set, and the Kafka settings that follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runfold.events.calls.kinds import CallKind
from runfold.events.topics import MAX_RECORD_BYTES

KafkaSettings = dict[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class PoolConfig:
    """One pool process: the kind of calls it makes, its consumer group and its bounds.

    ``group`` empty is the kind's own.
    ``instance`` is a stable name of this process among the group's (classic protocol): with it a
    process that died has its partitions again at once instead of after the session time-out.
    ``backlog`` is how many calls may be open, in flight or queued, before reading pauses.
    """

    kind: CallKind[Any, Any]
    kafka: Mapping[str, str] = field(repr=False)
    group: str = ""
    group_protocol: str = "classic"
    instance: str = ""
    backlog: int = 256
    commit_every_s: float = 0.2
    drain_s: float = 20.0
    stuck_s: float = 60.0

    @property
    def topic(self) -> str:
        """The topic that the pool reads."""
        return self.kind.topic

    @property
    def members(self) -> str:
        """The consumer group that the pool belongs to."""
        return self.group or self.kind.group

    def consumer(self) -> KafkaSettings:
        """Return the consumer's settings: only committed work, offsets committed by hand."""
        settings: KafkaSettings = {
            **self.kafka,
            "group.id": self.members,
            "group.protocol": self.group_protocol,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "queued.max.messages.kbytes": 16_384,
            "fetch.message.max.bytes": MAX_RECORD_BYTES,
        }
        settings.pop("partitioner", None)
        if self.group_protocol == "classic":
            settings["partition.assignment.strategy"] = "cooperative-sticky"
            settings["session.timeout.ms"] = 6000
            settings["heartbeat.interval.ms"] = 1000
            if self.instance:
                settings["group.instance.id"] = self.instance
        return settings

    def producer(self) -> KafkaSettings:
        """Return the producer's settings: idempotent, acknowledged by all, retried for ever."""
        return {
            **self.kafka,
            "enable.idempotence": True,
            "acks": "all",
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "linger.ms": 1,
            "message.timeout.ms": 0,
            "message.max.bytes": MAX_RECORD_BYTES,
        }
