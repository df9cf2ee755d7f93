"""Folding a lane's book again from what is committed, without I/O.

Feed order: the hint, the parked copies, the journal from the hint's offset to its end, the
completions of the last while, then ``finish``. Runs that end on the way are never folded.
"""

from __future__ import annotations

from typing import Generic

from runfold.events import topics
from runfold.events.catalogue import TERMINAL_FACTS
from runfold.events.operations import ParkedRun, PositionNoted, RestorePoint
from runfold.processors.engine.aggregate import Aggregate, S
from runfold.processors.engine.core.history import History
from runfold.processors.engine.core.inputs import INPUT_TOPICS
from runfold.processors.engine.core.partition_state import PartitionState
from runfold.processors.engine.ports import Codec

_ENDS = frozenset(fact.__name__ for fact in TERMINAL_FACTS)


class Rebuild(Generic[S]):
    """Makes a book of what is read back."""

    def __init__(self, aggregate: Aggregate[S], codec: Codec) -> None:
        self._aggregate = aggregate
        self._codec = codec
        self._trails: dict[str, History] = {}
        self._book: PartitionState[S] = PartitionState()
        self._parked: dict[str, bytes] = {}
        self.records = 0

    def hint(self, value: bytes) -> int:
        """Take the newest restore point and return the journal offset to read from."""
        point = self._codec.decode(topics.RESTORE, value)
        assert isinstance(point, RestorePoint)
        for position in point.positions:
            self._advance(position.topic, position.offset)
        self._book.end = point.journal_offset
        return point.journal_offset

    def parked(self, key: str, value: bytes | None) -> None:
        """Take one record of the compacted copies; a later one replaces an earlier one."""
        self.records += 1
        if value is None:
            self._parked.pop(key, None)
        else:
            self._parked[key] = value

    def parked_done(self) -> None:
        """Open the trails of the runs whose copies were not dropped."""
        copies = []
        for key, value in self._parked.items():
            record = self._codec.decode(topics.PARKED, value)
            assert isinstance(record, ParkedRun)
            copies.append((record.run_id, int(key.rpartition("/")[2]), record.values))
        for run_id, first_seq, values in sorted(copies, key=lambda copy: copy[:2]):
            trail = self._trail(run_id)
            trail.parts.append(first_seq)
            for seq, value in enumerate(values, first_seq):
                trail.follow(seq, value, None)
        self._parked.clear()

    def journal(self, offset: int, value: bytes) -> None:
        """Take one record of the journal; raises BrokenChain where an event is missing."""
        self.records += 1
        self._book.end = offset + 1
        begins = self._codec.peek(value)
        if begins is None:
            noted = self._codec.decode(topics.EVENTS, value)
            assert isinstance(noted, PositionNoted)
            for position in noted.positions:
                self._advance(position.topic, position.offset)
            return
        kind, run_id, seq, cause = begins
        topic, _, place = cause.partition("/")
        if topic in INPUT_TOPICS:
            self._advance(topic, int(place.rpartition("/")[2]) + 1)
        if kind in _ENDS:
            self._trails.pop(run_id, None)
        else:
            self._trail(run_id).follow(seq, value, offset)

    def completion(self, run_id: str, time_ms: int) -> None:
        """Take one end of a run, oldest first."""
        self._book.ended[run_id] = time_ms

    def position(self, topic: str) -> int:
        """Return the next offset to take of an input topic, as far as it is known by now."""
        return self._book.positions.get(topic, 0)

    def reached(self, offset: int) -> None:
        """Note that the journal is read up to an offset, whatever stands at its end."""
        self._book.end = max(self._book.end, offset)

    def finish(self) -> PartitionState[S]:
        """Fold the runs that are live and return the book; raises BrokenChain."""
        for run_id, trail in self._trails.items():
            self._book.runs[run_id] = trail.fold(self._aggregate, self._codec)
        self._trails = {}
        return self._book

    def _trail(self, run_id: str) -> History:
        trail = self._trails.get(run_id)
        if trail is None:
            trail = self._trails[run_id] = History(run_id)
        return trail

    def _advance(self, topic: str, offset: int) -> None:
        if offset > self._book.positions.get(topic, 0):
            self._book.positions[topic] = offset
