"""How a pool is set, and the Kafka settings that follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runfold.events.calls.kinds import CallKind
from runfold.events.topics import MAX_RECORD_BYTES
from runfold.infra.settings.declared.variables import MOST_DRAIN_S
from runfold.producers.log.consumers import Settings
from runfold.producers.log.membership import Membership

_SESSION_MS = 6000
_FINISH_S = 300

READING: Settings = {
    "enable.partition.eof": True,
    "queued.max.messages.kbytes": 16_384,
    "fetch.message.max.bytes": MAX_RECORD_BYTES,
    # While it drains, a pool does not poll: it must stay a member until its results are on the log.
    "max.poll.interval.ms": (MOST_DRAIN_S + _FINISH_S) * 1000,
}
"""How a pool's consumer reads."""

TAKE_NEW_WORK = "--take-new-work"
"""The option with which a pool begins work topics that are others than its group remembers."""


POOL_OPTIONS = {
    TAKE_NEW_WORK: "begin work topics that are others than the group remembers, and end",
}
"""What the command line of every pool knows."""


def take_new_work(kind: CallKind[Any, Any]) -> str:
    """Return the command that does so for a kind of calls."""
    return f"`python -m runfold.processors.{kind.name} {TAKE_NEW_WORK}`"


KafkaSettings = dict[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class PoolConfig:
    """One pool process: the kind of calls it makes, its consumer group and its bounds.

    ``group`` empty is the kind's own.
    ``instance`` is a stable name of this process among the group's (classic protocol): with it a
    process that died has its partitions again at once instead of after the session time-out.
    ``backlog`` is how many calls may be open, in flight or queued, before reading pauses, and
    ``backlog_bytes`` the size of their records.
    ``drain_s`` is how long the calls in flight are waited for at the end.
    """

    kind: CallKind[Any, Any]
    kafka: Mapping[str, str] = field(repr=False)
    group: str = ""
    group_protocol: str = "classic"
    instance: str = ""
    backlog: int = 2000
    backlog_bytes: int = 64_000_000
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

    def membership(self) -> Membership:
        """Return the pool's place in its consumer group."""
        return Membership(self.members, self.topic, self.group_protocol, _SESSION_MS, self.instance)

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
