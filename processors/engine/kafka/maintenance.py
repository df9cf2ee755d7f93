"""What a lane writes besides decisions: positions, restore points, copies of what sleeps."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Generic

from runfold.events.avro.headers import headers
from runfold.events.records.operations import RestorePoint
from runfold.events.values import Position
from runfold.processors.engine.aggregate import S
from runfold.processors.engine.config import EngineConfig
from runfold.processors.engine.core.messages import Message
from runfold.processors.engine.core.parked_copy import (
    ParkedCopy,
    park_messages,
    parked,
    still_wanted,
)
from runfold.processors.engine.core.partition_state import PartitionState
from runfold.processors.engine.core.progress import END
from runfold.processors.engine.kafka.restoring.restore import CLOCK_SLACK_SECONDS
from runfold.processors.engine.ports import Codec
from runfold.processors.engine.spec import AggregateSpec


class Maintenance(Generic[S]):
    """Decides when a note is due; only committed state counts."""

    def __init__(
        self,
        config: EngineConfig,
        spec: AggregateSpec[S],
        codec: Codec,
        partition: int,
        clock: float,
    ) -> None:
        self._config = config
        self._spec = spec
        self._codec = codec
        self._partition = partition
        self._unnoted = 0
        self._unnoted_since = clock
        self._hinted_at = clock
        self._hinted: tuple[int, tuple[Position, ...]] | None = None

    def forget(self, partition_state: PartitionState[S], requests_ms: int, now: datetime) -> None:
        """Forget the ends that no request can repeat any more, with one of this time as newest.

        The clocks of broker and machine may be ahead for a while; ``now``, the lane's, does not
        follow them.
        """
        newest = min(requests_ms, int(time.time() * 1000), int(now.timestamp() * 1000))
        horizon = (self._config.dedupe_horizon + CLOCK_SLACK_SECONDS) * 1000
        partition_state.forget_ended(int(newest - horizon))

    def passed(self, inputs: int, clock: float) -> None:
        """Count inputs that needed no event."""
        if not self._unnoted:
            self._unnoted_since = clock
        self._unnoted += inputs

    def noted(self) -> None:
        """Record that the journal has the positions, by an event or a note."""
        self._unnoted = 0

    def must_note(self, clock: float) -> bool:
        """Whether positions are due on the journal that no event has recorded."""
        return self._unnoted >= self._config.note_after or (
            self._unnoted > 0 and clock - self._unnoted_since >= self._config.note_every
        )

    def hint(
        self, partition_state: PartitionState[S], clock: float, now: datetime
    ) -> Message | None:
        """Return the restore point if one is due and says something new."""
        if clock - self._hinted_at < self._config.hint_every:
            return None
        self._hinted_at = clock
        journal = self._spec.topics.journal
        noted = partition_state.progress.noted(self._partition, journal)
        if partition_state.journal_id:
            end = Position(
                topic=END + journal,
                partition=self._partition,
                offset=partition_state.end,
                topic_id=partition_state.journal_id,
            )
            noted = (*noted, end)
        point = (partition_state.restore_offset(), noted)
        if point == self._hinted:
            return None
        self._hinted = point
        record = RestorePoint(
            partition=self._partition,
            journal_offset=point[0],
            positions=point[1],
            noted_at=now,
        )
        key = str(self._partition)
        topic = self._spec.topics.restore
        named = headers("RestorePoint", key, self._spec.source, now, key, "")
        return Message(topic, key, self._codec.encode(topic, record), named)

    def park(
        self, copies: Sequence[ParkedCopy], partition_state: PartitionState[S], now: datetime
    ) -> tuple[list[ParkedCopy], list[Message]]:
        """Return the copies that are still wanted, and the messages that write them."""
        wanted = [copy for copy in copies if still_wanted(copy, partition_state)]
        messages = [m for copy in wanted for m in park_messages(copy, self._spec, self._codec, now)]
        return wanted, messages

    @staticmethod
    def adopt(copies: Sequence[ParkedCopy], partition_state: PartitionState[S]) -> None:
        """Note in the partition's state what is parked, after it was committed."""
        for copy in copies:
            key = copy.sleeper.key
            partition_state.live[key] = parked(partition_state.live[key], copy)
