"""What a lane knows: what is live in its partition, what ended lately, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic

from runfold.processors.engine.aggregate import S, Timer
from runfold.processors.engine.core.progress import Progress

UNPLACED = -1
"""The first offset of an aggregate whose events are not committed yet."""


@dataclass(frozen=True, slots=True)
class Tracked(Generic[S]):
    """A live aggregate after its event ``seq``; ``prev_hash`` is the sha256 of that event's value.

    ``first_offset`` is the journal offset from which its events must be read at restore, None if
    all of them stand in parked copies; ``parts`` are the first seqs of those copies.
    """

    state: S
    seq: int
    prev_hash: bytes
    timer: Timer | None
    touched: datetime
    first_offset: int | None
    parts: tuple[int, ...] = ()


@dataclass(slots=True)
class PartitionState(Generic[S]):
    """The committed state of a lane.

    ``live`` and ``ended`` go by key; ``ended`` holds the time of the end in milliseconds, oldest
    first; ``end`` is a journal offset below which everything is known. ``unnoted`` says that
    numbers were heard which the journal does not know yet. ``journal_id`` is the id of the topic
    that holds the journal, empty where that is not known. ``newer`` are aggregates that only a
    newer release can fold, with the journal offset from which that one needs their events.
    """

    live: dict[str, Tracked[S]] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    progress: Progress = field(default_factory=Progress)
    end: int = 0
    unnoted: bool = False
    journal_id: str = ""
    newer: dict[str, int] = field(default_factory=dict)

    @property
    def positions(self) -> dict[str, int]:
        """The next offset to take of each input topic."""
        return self.progress.positions

    def restore_offset(self) -> int:
        """Return the journal offset from which this state can be folded again."""
        firsts = [each.first_offset for each in self.live.values() if each.first_offset is not None]
        firsts += self.newer.values()
        if self.progress.delivered is not None:
            firsts.append(self.progress.delivered)
        return min(firsts, default=self.end)

    def newest(self) -> datetime | None:
        """Return the time of the newest event of all that is live, None where nothing is."""
        return max((each.touched for each in self.live.values()), default=None)

    def forget_ended(self, before_ms: int) -> None:
        """Forget what ended before a time in milliseconds."""
        while self.ended:
            key = next(iter(self.ended))
            if self.ended[key] >= before_ms:
                return
            del self.ended[key]
