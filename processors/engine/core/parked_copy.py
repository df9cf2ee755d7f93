"""Carrying sleeping runs forward, without I/O: which ones, their copies, and what they become.

A copy is a part: the events of a run from one sequence number on, under the key
``run_id/first_seq``. A run that wakes goes on in the journal; parked again, it gets a further
part. All parts are dropped together, in the transaction that ends the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from runfold.events import topics
from runfold.events.operations import ParkedRun
from runfold.events.run import Event
from runfold.processors.engine.aggregate import S
from runfold.processors.engine.core.event_builder import part_key
from runfold.processors.engine.core.messages import Message, headers
from runfold.processors.engine.core.partition_state import PartitionState, Tracked
from runfold.processors.engine.ports import Codec

MAX_PART_BYTES = 2_000_000
"""From this size on a copy goes on in a further part."""


@dataclass(frozen=True, slots=True)
class Sleeper:
    """A run to copy: its events from a journal offset up to event ``seq``.

    ``end`` is a journal offset that all of them stand below.
    """

    run_id: str
    first_offset: int
    seq: int
    end: int


@dataclass(frozen=True, slots=True)
class ParkedCopy:
    """The events of a sleeper as they stand in the journal, by the sequence of the first."""

    sleeper: Sleeper
    parts: tuple[tuple[int, tuple[bytes, ...]], ...]


def sleepers(
    book: PartitionState[S], now: datetime, idle: timedelta, stride: int, most: int
) -> list[Sleeper]:
    """Return the runs that hold the restore point back: idle ones, and those that began long ago.

    Oldest first, at most ``most``; ``stride`` is how many journal records back is long ago.
    """
    found = [
        Sleeper(run_id, run.first_offset, run.seq, book.end)
        for run_id, run in book.runs.items()
        if run.first_offset is not None
        and (now - run.touched >= idle or book.end - run.first_offset >= stride)
    ]
    found.sort(key=lambda sleeper: sleeper.first_offset)
    return found[:most]


class Collector:
    """Picks the events of some sleepers out of a stretch of the journal."""

    def __init__(self, wanted: Sequence[Sleeper], codec: Codec) -> None:
        self._codec = codec
        self._wanted = {sleeper.run_id.encode(): sleeper for sleeper in wanted}
        self._found: dict[str, list[tuple[int, bytes]]] = {s.run_id: [] for s in wanted}

    def take(self, offset: int, key: bytes | None, value: bytes | None) -> None:
        """Look at one record of the journal."""
        sleeper = self._wanted.get(key or b"")
        if sleeper is None or value is None or offset < sleeper.first_offset:
            return
        event = self._codec.decode(topics.EVENTS, value)
        if isinstance(event, Event) and event.meta.seq <= sleeper.seq:
            self._found[sleeper.run_id].append((event.meta.seq, value))

    def copies(self) -> Iterator[ParkedCopy]:
        """Return the copies of the sleepers whose last event was found."""
        for sleeper in self._wanted.values():
            events = self._found[sleeper.run_id]
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


def park_messages(copy: ParkedCopy, codec: Codec, now: datetime) -> Iterator[Message]:
    """Return what is to be written to ``runs.parked``."""
    run_id = copy.sleeper.run_id
    for first_seq, values in copy.parts:
        key = part_key(run_id, first_seq)
        value = codec.encode(topics.PARKED, ParkedRun(run_id=run_id, values=values))
        yield Message(topics.PARKED, key, value, headers("ParkedRun", key, now, run_id, ""))


def still_wanted(copy: ParkedCopy, book: PartitionState[S]) -> bool:
    """Whether the run is live, and its events since the copy was begun are not parked already."""
    run = book.runs.get(copy.sleeper.run_id)
    return run is not None and run.first_offset == copy.sleeper.first_offset


def parked(run: Tracked[S], copy: ParkedCopy) -> Tracked[S]:
    """Return a run after its copy is committed; what happened meanwhile stays in the journal."""
    asleep = run.seq == copy.sleeper.seq
    return Tracked(
        run.state,
        run.seq,
        run.prev_hash,
        run.timer,
        run.touched,
        None if asleep else copy.sleeper.end,
        run.parts + tuple(first for first, _ in copy.parts),
    )
