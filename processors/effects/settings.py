"""How a pool is set, and the Kafka settings that follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runfold.events.topics import MAX_RECORD_BYTES

KafkaSettings = dict[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class PoolConfig:
    """One pool process: its work topic, its consumer group and its bounds.

    ``instance`` is a stable name of this process among the group's (classic protocol): with it a
    process that died has its partitions again at once instead of after the session time-out.
    ``backlog`` is how many calls may be open, in flight or queued, before reading pauses.
    """

    topic: str
    group: str
    kafka: Mapping[str, str] = field(repr=False)
    group_protocol: str = "classic"
    instance: str = ""
    backlog: int = 256
    commit_every_s: float = 0.2
    drain_s: float = 20.0
    stuck_s: float = 60.0

    def consumer(self) -> KafkaSettings:
        """Return the consumer's settings: only committed work, offsets committed by hand."""
        settings: KafkaSettings = {
            **self.kafka,
            "group.id": self.group,
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
