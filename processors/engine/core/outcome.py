"""What follows from a batch of inputs, before anything of it is written or believed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic

from runfold.events.base import Record
from runfold.processors.engine.aggregate import S
from runfold.processors.engine.core.messages import Message
from runfold.processors.engine.core.outbox import Outgoing
from runfold.processors.engine.core.partition_state import UNPLACED, PartitionState, Tracked
from runfold.processors.engine.core.progress import Progress


@dataclass(slots=True)
class Step(Generic[S]):
    """What follows from one input: events, other messages, local work, what is tracked after it."""

    key: str
    after: Tracked[S] | None
    events: list[Message] = field(default_factory=list)
    others: list[Message] = field(default_factory=list)
    local: list[Record] = field(default_factory=list)
    sends: list[Outgoing] = field(default_factory=list)
    ended: bool = False


@dataclass(slots=True)
class Outcome(Generic[S]):
    """What follows from a batch: to be written in one transaction, and adopted only after it.

    ``changed`` holds each changed aggregate as it will be, None where it ended; ``progress``
    replaces the partition's; ``noted`` says that the journal says so; ``dead`` counts the
    inputs that became dead letters, ``told`` those whose senders know that they begin nothing.
    """

    progress: Progress
    events: list[Message] = field(default_factory=list)
    others: list[Message] = field(default_factory=list)
    local: list[Record] = field(default_factory=list)
    changed: dict[str, Tracked[S] | None] = field(default_factory=dict)
    dead: int = 0
    told: int = 0
    noted: bool = False

    @property
    def positions(self) -> dict[str, int]:
        """The next offset to take of each input topic."""
        return self.progress.positions

    def add(self, step: Step[S]) -> None:
        """Take in what follows from one more input."""
        if not step.events:
            return
        self.events += step.events
        self.others += step.others
        self.local += step.local
        self.changed[step.key] = None if step.ended else step.after

    @property
    def writes(self) -> bool:
        """Whether there is anything to commit."""
        return bool(self.events or self.others)

    def messages(self) -> Iterable[Message]:
        """Return everything to write, the journal's events first and in order."""
        yield from self.events
        yield from self.others

    def pass_by(self, partition_state: PartitionState[S]) -> None:
        """Make a batch that writes nothing part of a partition's state."""
        partition_state.unnoted = (
            partition_state.unnoted or self.progress.heard != partition_state.progress.heard
        )
        partition_state.progress = self.progress

    def adopt(
        self, partition_state: PartitionState[S], first_offset: int | None, now_ms: int
    ) -> None:
        """Make the committed batch part of a partition's state.

        ``first_offset`` is where the first of the events stands in the journal, None if there
        was none.
        """
        partition_state.progress = self.progress
        if self.noted:
            partition_state.unnoted = False
        if first_offset is not None:
            partition_state.end = first_offset + len(self.events)
        for key, after in self.changed.items():
            if after is None:
                partition_state.live.pop(key, None)
                partition_state.ended[key] = now_ms
            elif after.first_offset == UNPLACED and first_offset is not None:
                partition_state.live[key] = _placed(after, first_offset)
            else:
                partition_state.live[key] = after


def _placed(after: Tracked[S], offset: int) -> Tracked[S]:
    return Tracked(
        after.state, after.seq, after.prev_hash, after.timer, after.touched, offset, after.parts
    )
