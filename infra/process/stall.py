"""Notices a reader that has silently stopped reading: records stand on the log, and none arrives.

A client that lost its way to a leader keeps its membership, raises nothing and delivers nothing.
Every look: 1. where the reader stands and where the log ends; 2. whoever stood before the end at
several looks in a row is suspected; 3. a consumer of our own reads from there: marks of
transactions are no records, and a broker that does not answer proves nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

EXIT_STALLED = 72
"""The exit code of a process whose consumer stalled: start it again."""

Place = tuple[str, int]
"""A topic and a partition."""

Positions = Mapping[Place, int]
"""The next offset to come of each place that is being read just now; below 0 where unknown."""

BEGINNING = -2
"""The position before the first record that is kept."""

_LOOKS = 4
_PROBE_S = 10.0


@dataclass(frozen=True, slots=True)
class _Seen:
    at: int
    end: int
    looks: int


class Standstill:
    """Says which places stood still before their ends at so many looks in a row.

    Looks are counted, not seconds: a process that was frozen has not looked.
    """

    def __init__(self, looks: int = _LOOKS) -> None:
        self._looks = looks
        self._seen: dict[Place, _Seen] = {}
        self._empty: dict[Place, tuple[int, int]] = {}

    def look(self, positions: Positions, ends: Positions) -> list[Place]:
        """Take one look and return the suspects; a place that is not read now starts again."""
        seen = {}
        for place, at in positions.items():
            end = ends.get(place, at)
            if end in {at, 0} or self._empty.get(place) == (at, end):
                continue
            before = self._seen.get(place)
            looks = before.looks + 1 if before is not None and before.at == at else 0
            seen[place] = _Seen(at, end, looks)
        self._seen = seen
        return [place for place, one in seen.items() if one.looks >= self._looks]

    def acquit(self, place: Place) -> None:
        """Say that nothing stands between a suspect and the end that was seen."""
        if (one := self._seen.pop(place, None)) is not None:
            self._empty[place] = (one.at, one.end)

    def forget(self) -> None:
        """Start again: while nobody answers, silence proves nothing."""
        self._seen = {}


class Look(Protocol):
    """The log as a stall watch sees it, with clients of its own."""

    def ends(self, places: list[Place]) -> Positions | None:
        """Return where readers of committed records may get to; None where nobody answers."""

    def firsts(self, positions: Positions, until: Callable[[], bool]) -> dict[Place, int | None]:
        """Return the offset of the first committed record from each position on.

        None where the end comes first. Places of which nothing was heard are left out.
        """


class StallWatch(threading.Thread):
    """Looks after the readers of one process and calls ``stalled`` once, with the reason.

    ``reading`` is called from this thread; it leaves out what is paused, or waits for something
    else than the log.
    """

    def __init__(
        self,
        log: Look,
        reading: Callable[[], Positions],
        after_s: float,
        stalled: Callable[[str], None],
    ) -> None:
        super().__init__(name="stall-watch", daemon=True)
        self._log = log
        self._reading = reading
        self._after_s = after_s
        self._stalled = stalled
        self._standstill = Standstill()
        self._ended = threading.Event()

    def stop(self) -> None:
        """Look no more; what is being looked at now is finished."""
        self._ended.set()

    def run(self) -> None:
        """Look every now and then until stopped or something has stalled."""
        while not self._ended.wait(self._after_s / (_LOOKS + 1)):
            why = self._look()
            if why:
                self._stalled(why)
                return

    def _look(self) -> str:
        positions = dict(self._reading())
        ends = self._log.ends(list(positions))
        if ends is None:
            self._standstill.forget()
            return ""
        suspects = self._standstill.look(positions, ends)
        found = self._probe({place: positions[place] for place in suspects})
        now = self._reading() if found else {}
        for place, end in found.items():
            if now.get(place) == positions[place]:
                topic, partition = place
                return (
                    f"consumer stalled: {topic}/{partition} has records from {positions[place]} on "
                    f"(to {end}), and none has arrived for {self._after_s:.0f} s"
                )
        return ""

    def _probe(self, suspects: Positions) -> dict[Place, int]:
        """Return the suspects behind whose positions records stand, with an offset of one."""
        if not suspects:
            return {}
        ends = self._log.ends(list(suspects)) or {}
        until = time.monotonic() + _PROBE_S
        heard = self._log.firsts(
            _starts(suspects, ends),
            lambda: time.monotonic() >= until or self._ended.is_set(),
        )
        for place, offset in heard.items():
            if offset is None:
                self._standstill.acquit(place)
        return {place: offset for place, offset in heard.items() if offset is not None}


def _starts(suspects: Positions, ends: Positions) -> Positions:
    return {
        # Beyond the end, the topic is another one than it was; unknown, nothing was ever read.
        place: at if 0 <= at <= ends.get(place, at) else BEGINNING
        for place, at in suspects.items()
    }
