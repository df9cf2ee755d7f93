"""What a lane knows: the live runs of its partition, those that ended lately, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic

from runfold.processors.engine.aggregate import S, Timer

UNPLACED = -1
"""The first offset of a run whose events are not committed yet."""


@dataclass(frozen=True, slots=True)
class Tracked(Generic[S]):
    """A live run after its event ``seq``; ``prev_hash`` is the sha256 of that event's value.

    ``first_offset`` is the journal offset from which its events must be read at restore, None if
    all of them stand in ``runs.parked``; ``parts`` are the first seqs of the copies there.
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

    ``ended`` maps ended runs to the time of their end in milliseconds, oldest first;
    ``positions`` maps input topics to the next offset to take; ``end`` is a journal offset below
    which everything is known.
    """

    runs: dict[str, Tracked[S]] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    end: int = 0

    def restore_offset(self) -> int:
        """Return the journal offset from which this book can be folded again."""
        firsts = [run.first_offset for run in self.runs.values() if run.first_offset is not None]
        return min(firsts, default=self.end)

    def forget_ended(self, before_ms: int) -> None:
        """Forget the runs that ended before a time in milliseconds."""
        while self.ended:
            run_id = next(iter(self.ended))
            if self.ended[run_id] >= before_ms:
                return
            del self.ended[run_id]
