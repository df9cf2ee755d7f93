"""The raw side of the log port: follow places, ask for their ends, read a bounded range.

Records are as confluent-kafka gives them, so that nothing is copied on the way to those who read a
hundred thousand in a second. They are not decoded here (see ``port`` for decoded ones).
``Tail`` and ``Ends`` have forms on Kafka and in memory; what is made of them, ``in_range`` and
``firsts``, is written once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from confluent_kafka import KafkaError

from runfold.events.border import moment_of
from runfold.producers.errors import UnavailableError, UnreadableError, translated

_log = logging.getLogger(__name__)

Place = tuple[str, int]
"""A topic and a partition."""

Positions = Mapping[Place, int]
"""The next offset of places."""

BEGINNING = -2
"""The position before the first record that is kept."""

_SILENT_S = 30.0
_POLL_S = 0.5
_AT_ONCE = 5000


class RawRecord(Protocol):
    """A record as it is on the log: the part of confluent-kafka's ``Message`` that is read."""

    def topic(self) -> str | None:
        """Return the topic."""

    def partition(self) -> int | None:
        """Return the partition."""

    def offset(self) -> int | None:
        """Return the offset."""

    def key(self) -> bytes | None:
        """Return the key."""

    def value(self) -> bytes | None:
        """Return the value."""

    def headers(self) -> Any:
        """Return the headers: pairs of a name and bytes or None, or None without any."""

    def timestamp(self) -> tuple[int, int]:
        """Return the kind of time and the milliseconds since the epoch."""


First = RawRecord | int | UnreadableError
"""What comes first from a position on: a record, the end, or a batch that nobody can read."""


@dataclass(slots=True)
class Portion:
    """What there was: records in order within a place, places whose end was reached, and faults.

    ``reached`` holds the next offset of each such place; control records may stand before it that
    nobody is handed. ``unreadable`` holds the places that stand still for good, at a batch which
    nobody can read; no record behind it is in ``records``. ``lost`` holds the places that do not
    have the offset which was asked for, where the reader wants to know (``consumers.LOUD``).
    """

    records: list[RawRecord] = field(default_factory=list)
    reached: dict[Place, int] = field(default_factory=dict)
    faults: list[KafkaError] = field(default_factory=list)
    unreadable: dict[Place, UnreadableError] = field(default_factory=dict)
    lost: set[Place] = field(default_factory=set)


class Tail(Protocol):
    """Follows places from positions on, committed records only; all calls from one thread."""

    def assign(self, positions: Positions) -> None:
        """Follow exactly these places from now on."""

    def take(self, most: int, wait_s: float) -> Portion:
        """Return up to ``most`` records that are there, empty after ``wait_s`` seconds of nothing.

        A fault is returned, not raised: most heal by themselves, and the reader knows which do not.
        A batch that can never be read is raised as UnreadableError, after what stands before it.
        """

    def known_ends(self) -> dict[Place, int]:
        """Return the high watermarks as of the last fetch, of those places where it is known."""

    def close(self) -> None:
        """Release the connections."""


@dataclass(frozen=True, slots=True)
class End:
    """Where a place begins and ends.

    ``low`` is the first offset that is kept, ``high`` the one after the last record, those of
    open transactions included, and ``stable`` the one before which every transaction has ended:
    readers of committed records get that far.
    """

    low: int
    high: int
    stable: int


class Ends(Protocol):
    """Where places begin and end now; from any thread. All raise UnavailableError."""

    def all(self, places: list[Place]) -> dict[Place, End]:
        """Return low, high and stable of each place: three questions to the log."""

    def high(self, places: list[Place], wait_s: float = 10.0) -> dict[Place, int]:
        """Return the high watermarks, open transactions included."""

    def stable(self, places: list[Place], wait_s: float = 10.0) -> dict[Place, int]:
        """Return the last stable offsets: what readers of committed records may expect."""


def place_of(record: RawRecord) -> Place:
    """Return the place of a record."""
    return record.topic() or "", record.partition() or 0


def headers_in(record: RawRecord) -> tuple[tuple[str, bytes | None], ...]:
    """Return the headers of a record; none where the name of one is not UTF-8.

    The client library raises SystemError for such a record, and nothing of its headers can be had.
    """
    try:
        return tuple(record.headers() or ())
    except SystemError:
        _log.warning("the headers of a record cannot be read, since a name is not UTF-8")
        return ()


def time_of(record: RawRecord) -> datetime:
    """Return when a record was appended, as its time stamp says."""
    return moment_of(record.timestamp()[1])


def in_range(
    tail: Tail,
    starts: Positions,
    ends: Positions,
    beat: Callable[[], None] = lambda: None,
    judge: Callable[[Portion], None] | None = None,
    silent_s: float = _SILENT_S,
) -> Iterator[list[RawRecord]]:
    """Yield the committed records of places from their starts to before their ends, in lists.

    ``beat`` is called as reading goes on, so that a watchdog sees the difference between a long
    range and a stuck one; ``judge`` raises the faults that end the reading, ``raise_hopeless``
    unless given. Raises UnavailableError when the log stays silent for ``silent_s`` seconds, and
    UnreadableError where a batch in the range can never be read.
    """
    open_places = {place: at for place, at in ends.items() if starts.get(place, 0) < at}
    if not open_places:
        return
    alone = len(open_places) == 1
    tail.assign({place: starts.get(place, BEGINNING) for place in open_places})
    heard = time.monotonic()
    while open_places:
        try:
            portion = tail.take(_AT_ONCE, _POLL_S)
        except UnreadableError as broken:
            if broken.offset < open_places.get(broken.place, 0):
                raise
            # It stands behind the range, whose last offsets are marks of transactions.
            portion = Portion(reached={broken.place: broken.offset})
        beat()
        (judge or raise_hopeless)(portion)
        if portion.records or portion.reached:
            heard = time.monotonic()
        elif time.monotonic() - heard > silent_s:
            raise UnavailableError(_silence(open_places, silent_s))
        batch = _before(portion.records, open_places, alone=alone)
        for place, at in portion.reached.items():
            # Trailing control records do not advance a position: only the end event shows it.
            if at >= open_places.get(place, at + 1):
                del open_places[place]
        if batch:
            yield batch


def _before(records: list[RawRecord], ends: dict[Place, int], *, alone: bool) -> list[RawRecord]:
    """Return the records before the ends of their places, and leave out of those what is done.

    ``alone`` says that there never was more than one place: of others that are done, what stands
    behind their ends still comes, and with a gap where some of it was passed over before.
    """
    if alone and ends and records:
        # The common case, without a look at each record.
        (end,) = ends.values()
        if (records[-1].offset() or 0) + 1 < end:
            return records
    batch = []
    for record in records:
        place, offset = place_of(record), record.offset() or 0
        end = ends.get(place, -1)
        if offset < end:
            batch.append(record)
            if offset + 1 == end:
                del ends[place]
        elif end >= 0:
            del ends[place]
    return batch


def firsts(tail: Tail, positions: Positions, until: Callable[[], bool]) -> dict[Place, First]:
    """Return what comes first at or after a position of each place: a record, or else the end.

    Places of which nothing was heard before ``until`` says so are left out; faults too, but for
    those that never pass.
    """
    found: dict[Place, First] = {}
    if not positions:
        return found
    tail.assign(positions)
    while len(found) < len(positions) and not until():
        try:
            portion = tail.take(len(positions), 0.1)
        except UnreadableError as broken:
            found.setdefault(broken.place, broken)
            tail.assign({place: at for place, at in positions.items() if place not in found})
            continue
        for record in portion.records:
            if (place := place_of(record)) in positions:
                found.setdefault(place, record)
        for place, at in portion.reached.items():
            if place in positions:
                found.setdefault(place, at)
    tail.assign({})
    return found


def raise_hopeless(portion: Portion) -> None:
    """Raise the first fault that reading cannot get over: a refusal, or the end of this client."""
    for fault in portion.faults:
        problem = translated(fault, "reading")
        if not isinstance(problem, UnavailableError):
            raise problem


def _silence(places: Positions, silent_s: float) -> str:
    names = ", ".join(f"{topic}/{partition}" for topic, partition in sorted(places)[:5])
    return f"Kafka has been silent for {silent_s:.0f} s about {names}: check that it runs."
