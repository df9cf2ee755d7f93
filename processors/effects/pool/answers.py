"""Reads the answers whether calls may begin, each partition from where it ended when wanted."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence

from runfold.events import topics
from runfold.processors.effects.pool.places import Places
from runfold.producers.errors import RefusedError, UnavailableError, UnreadableError
from runfold.producers.log.tail import Ends, Place, RawRecord, Tail, raise_hopeless

log = logging.getLogger(__name__)

_AT_ONCE = 500
_POLL_S = 0.2
_NOTHING_S = 0.05
_PAUSE_S = 0.5
# Brokers that have just come back may not know their topics yet.
_REFUSED_S = 30.0


class Answers:
    """Follows the wanted places; what it reads goes to ``take``. All from one thread."""

    def __init__(
        self,
        tail: Tail,
        ends: Ends,
        places: Places,
        take: Callable[[Sequence[RawRecord]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tail = tail
        self._ends = ends
        self._places = places
        self._take = take
        self._next: dict[int, int] = {}
        self._stale = False
        self._clock = clock
        self._refused_since: float | None = None

    def reading(self) -> dict[Place, int]:
        """Return how far the followed places were read; from any thread."""
        return {_place(number): at for number, at in self._next.copy().items()}

    def turn(self) -> None:
        """Follow what is wanted, and read what is there; raises LogError where nothing helps."""
        try:
            self._follow()
            self._read()
        except UnavailableError as error:
            log.warning("answers are waited for: %s", error)
            time.sleep(_PAUSE_S)
        except UnreadableError as broken:
            log.critical("answers are lost, so their calls ask again: %s", broken)
            self._next.pop(broken.place[1], None)
            self._places.follow([broken.place[1]], now=False)
            self._stale = True

    def _follow(self) -> None:
        wanted = self._places.wanted()
        new = [_place(partition) for partition in wanted if partition not in self._next]
        if new or self._stale or len(wanted) != len(self._next):
            # Where they end now: no answer to a question that is asked later stands before that.
            found = self._ends_of(new) if new else {}
            self._next = {number: at for number, at in self._next.items() if number in wanted}
            self._next |= {number: at for (_, number), at in found.items()}
            self._tail.assign({_place(number): at for number, at in self._next.items()})
            self._stale = False
        self._places.follow(number for number, there in wanted.items() if not there)

    def _ends_of(self, places: list[Place]) -> Mapping[Place, int]:
        try:
            found = self._ends.stable(places)
        except RefusedError as error:
            now = self._clock()
            self._refused_since = now if self._refused_since is None else self._refused_since
            if now - self._refused_since > _REFUSED_S:
                raise
            raise UnavailableError(str(error)) from error
        self._refused_since = None
        return found

    def _read(self) -> None:
        if not self._next:
            time.sleep(_NOTHING_S)
            return
        portion = self._tail.take(_AT_ONCE, _POLL_S)
        for record in portion.records:
            self._next[record.partition() or 0] = (record.offset() or 0) + 1
        for (_, partition), at in portion.reached.items():
            # Marks of transactions stand before the end, and are handed to nobody.
            if partition in self._next:
                self._next[partition] = max(at, self._next[partition])
        if portion.records:
            self._take(portion.records)
        raise_hopeless(portion)


def _place(partition: int) -> Place:
    return topics.PERMITS, partition
