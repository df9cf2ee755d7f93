"""The events of one run that may be live, as they are read back, and their folding."""

from __future__ import annotations

import hashlib

from runfold.events import topics
from runfold.events.run import GENESIS, Event
from runfold.processors.engine.aggregate import Aggregate, S
from runfold.processors.engine.core.partition_state import Tracked
from runfold.processors.engine.ports import Codec


class BrokenChain(Exception):  # noqa: N818 - the name says what is broken
    """The journal contradicts itself; the lane must not go on from it."""


class History:
    """Values of one run in order; those that are at hand already are skipped.

    ``first_offset`` is the journal offset of the first one that stands in no parked copy;
    ``parts`` are the first seqs of the copies.
    """

    __slots__ = ("first_offset", "first_seq", "parts", "run_id", "seq", "values")

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.first_offset: int | None = None
        self.first_seq = 0
        self.seq = 0
        self.parts: list[int] = []
        self.values: list[bytes] = []

    def follow(self, seq: int, value: bytes, offset: int | None) -> None:
        """Take one more event; raises BrokenChain where one is missing before it."""
        if not self.values:
            self.first_seq = seq
        elif seq <= self.seq:
            return
        elif seq != self.seq + 1:
            raise BrokenChain(
                f"run {self.run_id} goes from event {self.seq} to event {seq}: "
                "the journal lacks what is between; restore it from a copy before going on"
            )
        if self.first_offset is None:
            self.first_offset = offset
        self.seq = seq
        self.values.append(value)

    def fold(self, aggregate: Aggregate[S], codec: Codec) -> Tracked[S]:
        """Return the run after its last event; raises BrokenChain where a link does not hold."""
        if self.first_seq != 1:
            raise BrokenChain(
                f"run {self.run_id} is live, but its first event at hand is number "
                f"{self.first_seq}: the restore point is beyond its beginning; delete the records "
                f"of {topics.RESTORE} to read the journal from its start"
            )
        state: S | None = None
        digest = GENESIS
        event: Event | None = None
        for value in self.values:
            decoded = codec.decode(topics.EVENTS, value)
            assert isinstance(decoded, Event)
            event = decoded
            if event.meta.prev_hash != digest:
                raise BrokenChain(
                    f"event {event.id} does not name the event before it: "
                    "the journal was changed; restore it from a copy before going on"
                )
            digest = hashlib.sha256(value).digest()
            state = aggregate.evolve(state, event.fact, event.meta.time)
        assert state is not None
        assert event is not None
        return Tracked(
            state,
            self.seq,
            digest,
            aggregate.next_timer(state),
            event.meta.time,
            self.first_offset,
            tuple(self.parts),
        )
