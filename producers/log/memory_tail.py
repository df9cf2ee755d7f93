"""The raw side of the log in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runfold.producers.log.port import Delivery
from runfold.producers.log.tail import End, Place, Portion, Positions

_LOOK_S = 0.005

Held = Callable[[str, int], list[Delivery]]
"""Returns the records of a place; they only grow."""


@dataclass(frozen=True, slots=True)
class MemoryRecord:
    """A delivery in the shape of a raw record."""

    delivery: Delivery

    def topic(self) -> str:
        """Return the topic."""
        return self.delivery.place.topic

    def partition(self) -> int:
        """Return the partition."""
        return self.delivery.place.partition

    def offset(self) -> int:
        """Return the offset."""
        return self.delivery.place.offset

    def key(self) -> bytes | None:
        """Return the key."""
        return self.delivery.key

    def value(self) -> bytes | None:
        """Return the value."""
        return self.delivery.value

    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """Return the headers."""
        return self.delivery.headers

    def timestamp(self) -> tuple[int, int]:
        """Return the time it was appended."""
        return 1, int(self.delivery.appended_at.timestamp() * 1000)


class MemoryTail:
    """Follows places of a log in memory."""

    def __init__(self, held: Held, positions: Positions | None = None) -> None:
        self._held = held
        self._positions: dict[Place, int] = {}
        self._reached: set[Place] = set()
        self.assign(positions or {})

    def assign(self, positions: Positions) -> None:
        """Follow exactly these places from now on."""
        self._positions = {place: max(0, at) for place, at in positions.items()}
        self._reached = set()

    def take(self, most: int, wait_s: float) -> Portion:
        """Return what is there; empty after ``wait_s`` seconds of nothing."""
        until = time.monotonic() + wait_s
        while True:
            found = self._now(most)
            if found.records or found.reached or time.monotonic() >= until:
                return found
            time.sleep(min(_LOOK_S, wait_s))

    def known_ends(self) -> dict[Place, int]:
        """Return the ends."""
        return {place: len(self._held(*place)) for place in self._positions}

    def close(self) -> None:
        """Follow nothing any more."""
        self._positions = {}

    def _now(self, most: int) -> Portion:
        found = Portion()
        for place, at in self._positions.items():
            fresh = self._held(*place)[at : at + most - len(found.records)]
            if fresh:
                found.records += map(MemoryRecord, fresh)
                self._positions[place] = at + len(fresh)
                self._reached.discard(place)
            elif place not in self._reached and at >= len(self._held(*place)):
                # Said once, as Kafka does, until more has come.
                self._reached.add(place)
                found.reached[place] = at
        return found


class MemoryEnds:
    """Says where places of a log in memory end: nothing is ever open or deleted there."""

    def __init__(self, held: Held) -> None:
        self._held = held

    def all(self, places: list[Place]) -> dict[Place, End]:
        """Return low, high and stable of each place."""
        return {place: End(0, end, end) for place, end in self.high(places).items()}

    def high(self, places: list[Place], wait_s: float = 0.0) -> dict[Place, int]:  # noqa: ARG002
        """Return the high watermarks."""
        return {place: len(self._held(*place)) for place in places}

    def stable(self, places: list[Place], wait_s: float = 0.0) -> dict[Place, int]:
        """Return the last stable offsets: the high watermarks."""
        return self.high(places, wait_s)
