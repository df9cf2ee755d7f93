"""What a lane writes besides decisions: positions, restore points, copies of what sleeps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Generic

from runfold.events.avro.headers import headers
from runfold.events.operations import RestorePoint
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
from runfold.processors.engine.ports import Codec
from runfold.processors.engine.spec import AggregateSpec


class Maintenance(Generic[S]):
    """Decides when a note is due; all of it speaks of committed state only."""

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

    def passed(self, inputs: int, clock: float) -> None:
        """Count inputs that needed no event."""
        if not self._unnoted:
            self._unnoted_since = clock
        self._unnoted += inputs

    def noted(self) -> None:
        """The journal has learnt the positions, by an event or a note."""
        self._unnoted = 0

    def must_note(self, clock: float) -> bool:
        """Whether positions are due on the journal that no event tells."""
        return self._unnoted >= self._config.note_after or (
            self._unnoted > 0 and clock - self._unnoted_since >= self._config.note_every
        )

    def hint(self, book: PartitionState[S], clock: float, now: datetime) -> Message | None:
        """Return the restore point if one is due and says something new."""
        if clock - self._hinted_at < self._config.hint_every:
            return None
        self._hinted_at = clock
        journal = self._spec.topics.journal
        point = (book.restore_offset(), book.progress.noted(self._partition, journal))
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
        self, copies: Sequence[ParkedCopy], book: PartitionState[S], now: datetime
    ) -> tuple[list[ParkedCopy], list[Message]]:
        """Return the copies that are still wanted, and the messages that make them stand."""
        wanted = [copy for copy in copies if still_wanted(copy, book)]
        messages = [m for copy in wanted for m in park_messages(copy, self._spec, self._codec, now)]
        return wanted, messages

    @staticmethod
    def adopt(copies: Sequence[ParkedCopy], book: PartitionState[S]) -> None:
        """Note in the partition's state what is parked, after it was committed."""
        for copy in copies:
            key = copy.sleeper.key
            book.live[key] = parked(book.live[key], copy)
