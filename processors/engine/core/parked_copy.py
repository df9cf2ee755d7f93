"""Carrying sleeping aggregates forward, without I/O: which ones, their copies, what they become.

A copy is a part: the events of an aggregate from one sequence number on, under ``key/first_seq``.
One that wakes goes on in the journal; parked again, it gets a further part. All parts are dropped
together, in the transaction that ends it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from runfold.events.avro.headers import headers
from runfold.events.base import Record
from runfold.events.errors import WireError
from runfold.processors.engine.aggregate import S
from runfold.processors.engine.core.event_builder import part_key
from runfold.processors.engine.core.messages import Message
from runfold.processors.engine.core.partition_state import PartitionState, Tracked
from runfold.processors.engine.ports import Codec
from runfold.processors.engine.spec import AggregateSpec

MAX_PART_BYTES = 2_000_000
"""From this size on a copy goes on in a further part."""

MOST_SLEEPERS = 2_000
"""How many are copied in one round: each round reads the journal from the oldest of them on."""

MOST_COPIED_BYTES = 32_000_000
"""From this size on a round begins no further copy; what is left out has the next round."""


@dataclass(frozen=True, slots=True)
class Sleeper:
    """An aggregate to copy: its events from a journal offset up to event ``seq``.

    ``end`` is a journal offset that all of them stand below.
    """

    key: str
    first_offset: int
    seq: int
    end: int


@dataclass(frozen=True, slots=True)
class ParkedCopy:
    """The events of a sleeper as they stand in the journal, by the sequence of the first."""

    sleeper: Sleeper
    parts: tuple[tuple[int, tuple[bytes, ...]], ...]

    @property
    def size(self) -> int:
        """How many bytes its events have."""
        return sum(len(value) for _, values in self.parts for value in values)


def sleepers(
    partition_state: PartitionState[S],
    now: datetime,
    idle: timedelta,
    stride: int,
    most: int = MOST_SLEEPERS,
) -> list[Sleeper]:
    """Return what holds the restore point back: what is idle, and what began long ago.

    Oldest first, at most ``most``; ``stride`` is how many journal records back is long ago.
    """
    found = [
        Sleeper(key, each.first_offset, each.seq, partition_state.end)
        for key, each in partition_state.live.items()
        if each.first_offset is not None
        and (now - each.touched >= idle or partition_state.end - each.first_offset >= stride)
    ]
    found.sort(key=lambda sleeper: sleeper.first_offset)
    return found[:most]


class Collector:
    """Picks the events of some sleepers out of a range of one journal.

    Once ``most_bytes`` are there, those of whom nothing was found yet are left out.
    """

    def __init__(
        self,
        wanted: Sequence[Sleeper],
        spec: AggregateSpec[S],
        codec: Codec,
        most_bytes: int = MOST_COPIED_BYTES,
    ) -> None:
        self._codec = codec
        self._left = most_bytes
        self._carries = frozenset(fact.__name__ for fact in spec.carries)
        self._wanted = {sleeper.key.encode(): sleeper for sleeper in wanted}
        self._found: dict[str, list[tuple[int, bytes]]] = {s.key: [] for s in wanted}

    def take(self, offset: int, key: bytes | None, value: bytes | None) -> None:
        """Look at one record of the journal."""
        sleeper = self._wanted.get(key or b"")
        if sleeper is None or value is None or offset < sleeper.first_offset:
            return
        try:
            begins = self._codec.peek(value)
        except WireError:
            # Whoever wrote this has taken over; without a copy a restore reads more, that is all.
            del self._wanted[sleeper.key.encode()]
            return
        if begins is None or begins.seq > sleeper.seq:
            return
        found = self._found[sleeper.key]
        if not found and self._left <= 0:
            del self._wanted[sleeper.key.encode()]
            return
        if begins.kind in self._carries:
            self._left += sum(len(kept) for _, kept in found)
            found.clear()
        self._left -= len(value)
        found.append((begins.seq, value))

    def copies(self) -> Iterator[ParkedCopy]:
        """Return the copies of the sleepers whose last event was found."""
        for sleeper in self._wanted.values():
            events = self._found[sleeper.key]
            if events and events[-1][0] == sleeper.seq:
                yield ParkedCopy(sleeper, tuple(_parts(events)))


def _parts(events: Sequence[tuple[int, bytes]]) -> Iterator[tuple[int, tuple[bytes, ...]]]:
    first, values, size = 0, list[bytes](), 0
    for seq, value in events:
        if values and size + len(value) > MAX_PART_BYTES:
            yield first, tuple(values)
            values, size = [], 0
        if not values:
            first = seq
        values.append(value)
        size += len(value)
    yield first, tuple(values)


def park_messages(
    copy: ParkedCopy, spec: AggregateSpec[S], codec: Codec, now: datetime
) -> Iterator[Message]:
    """Return what is to be written to the topic of parked copies."""
    topic = spec.topics.parked
    for first_seq, values in copy.parts:
        key = part_key(copy.sleeper.key, first_seq)
        record = spec.parked(copy.sleeper.key, values)
        named = headers(type(record).__name__, key, spec.source, now, copy.sleeper.key, "")
        yield Message(topic, key, codec.encode(topic, record), named)


def parked_values(record: Record) -> tuple[bytes, ...]:
    """Return the values of the events in a parked record."""
    values: tuple[bytes, ...] = getattr(record, "values")  # noqa: B009 - each kind has its own class
    return values


def still_wanted(copy: ParkedCopy, partition_state: PartitionState[S]) -> bool:
    """Whether it is live, and its events since the copy was begun are not parked already."""
    live = partition_state.live.get(copy.sleeper.key)
    return live is not None and live.first_offset == copy.sleeper.first_offset


def parked(live: Tracked[S], copy: ParkedCopy) -> Tracked[S]:
    """Return what is tracked once a copy is committed; what happened since is in the journal."""
    asleep = live.seq == copy.sleeper.seq
    return Tracked(
        live.state,
        live.seq,
        live.prev_hash,
        live.timer,
        live.touched,
        None if asleep else copy.sleeper.end,
        live.parts + tuple(first for first, _ in copy.parts),
    )
