"""Folding a lane's book again from what is committed, without I/O.

Feed order: the hint, the parked copies, the journal from the hint's offset to its end, the
completions of the last while, then ``finish``. Runs that end on the way are never folded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Generic

from events import topics
from events.catalogue import TERMINAL_FACTS
from events.journal import GENESIS, Event
from events.operations import ParkedRun, PositionNoted, RestorePoint
from processors.engine.aggregate import Aggregate, S
from processors.engine.book import Book, Tracked
from processors.engine.ports import Codec


class BrokenChain(Exception):  # noqa: N818 - the name says what is broken
    """The journal contradicts itself; the lane must not go on from it."""


class _Trail:
    """The events of one run that may be live, as they were read."""

    __slots__ = ("events", "first_offset", "first_seq", "parts", "seq", "values")

    def __init__(self) -> None:
        self.first_offset: int | None = None
        self.first_seq = 0
        self.seq = 0
        self.events: list[Event] = []
        self.values: list[bytes] = []
        self.parts: list[int] = []


class Rebuild(Generic[S]):
    """Makes a book of what is read back."""

    def __init__(self, aggregate: Aggregate[S], codec: Codec) -> None:
        self._aggregate = aggregate
        self._codec = codec
        self._trails: dict[str, _Trail] = {}
        self._book: Book[S] = Book()
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
            trail = self._trails.setdefault(run_id, _Trail())
            trail.parts.append(first_seq)
            for value in values:
                event = self._codec.decode(topics.EVENTS, value)
                assert isinstance(event, Event)
                self._follow(trail, event, value, None)
        self._parked.clear()

    def journal(self, offset: int, value: bytes) -> None:
        """Take one record of the journal; raises BrokenChain where a sequence number is missing."""
        self.records += 1
        self._book.end = offset + 1
        event = self._codec.decode(topics.EVENTS, value)
        if isinstance(event, PositionNoted):
            for position in event.positions:
                self._advance(position.topic, position.offset)
            return
        assert isinstance(event, Event)
        meta = event.meta
        topic, _, after = meta.cause.partition("/")
        if after and topic in _INPUTS:
            self._advance(topic, int(after.rpartition("/")[2]) + 1)
        run_id = meta.run_id
        trail = self._trails.get(run_id)
        if trail is None:
            trail = self._trails[run_id] = _Trail()
        self._follow(trail, event, value, offset)
        if isinstance(event.fact, TERMINAL_FACTS):
            del self._trails[run_id]

    def completion(self, run_id: str, time_ms: int) -> None:
        """Take one end of a run, oldest first."""
        self._book.ended[run_id] = time_ms

    def reached(self, offset: int) -> None:
        """Note that the journal is read up to an offset, whatever stands at its end."""
        self._book.end = max(self._book.end, offset)

    def finish(self) -> Book[S]:
        """Fold the runs that are live and return the book; raises BrokenChain."""
        for run_id, trail in self._trails.items():
            self._book.runs[run_id] = self._fold(run_id, trail)
        self._trails = {}
        return self._book

    def position(self, topic: str) -> int:
        """Return the next offset to take of an input topic, as far as it is known by now."""
        return self._book.positions.get(topic, 0)

    def _advance(self, topic: str, offset: int) -> None:
        if offset > self._book.positions.get(topic, 0):
            self._book.positions[topic] = offset

    def _follow(self, trail: _Trail, event: Event, value: bytes, offset: int | None) -> None:
        seq = event.meta.seq
        if not trail.events:
            trail.first_seq = seq
        elif seq <= trail.seq:
            return
        elif seq != trail.seq + 1:
            raise BrokenChain(
                f"run {event.meta.run_id} goes from event {trail.seq} to event {seq}: "
                "the journal lacks what is between; restore it from a copy before going on"
            )
        if offset is not None and trail.first_offset is None:
            trail.first_offset = offset
        trail.seq = seq
        trail.events.append(event)
        trail.values.append(value)

    def _fold(self, run_id: str, trail: _Trail) -> Tracked[S]:
        if trail.first_seq != 1:
            raise BrokenChain(
                f"run {run_id} is live, but its first event at hand is number {trail.first_seq}: "
                "the restore point is beyond its beginning; delete the records of runs.restore "
                "for this partition to read the journal from its start"
            )
        state: S | None = None
        for event, digest in zip(trail.events, _digests(trail), strict=True):
            if event.meta.prev_hash != digest:
                raise BrokenChain(
                    f"event {event.id} does not name the event before it: "
                    "the journal was changed; restore it from a copy before going on"
                )
            state = self._aggregate.evolve(state, event.fact, event.meta.time)
        assert state is not None
        return Tracked(
            state,
            trail.seq,
            hashlib.sha256(trail.values[-1]).digest(),
            self._aggregate.next_timer(state),
            trail.events[-1].meta.time,
            trail.first_offset,
            tuple(trail.parts),
        )


_INPUTS = frozenset({topics.REQUESTS, topics.CONTROLS, topics.RESULTS})


def _digests(trail: _Trail) -> Iterable[bytes]:
    """Return the hash that each event of a trail must name."""
    return [GENESIS, *(hashlib.sha256(value).digest() for value in trail.values[:-1])]
