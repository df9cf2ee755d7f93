"""All runs of a tenant, watched: what was since a position, joined to what comes.

A position is the next offset of every partition of the journal. Events of one run come in their
order; those of different runs in any. Nothing is missed and nothing comes twice from a position on:

1. it subscribes to the tail
2. it asks where the journal ends, which is behind the place at which the tail began to offer
3. it reads from the position to that end
4. it takes what the tail has offered, but for what it has read
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from runfold.events.run import Event
from runfold.producers.errors import BehindError, RefusedError
from runfold.producers.follow.bell import bell_of
from runfold.producers.follow.owners import Owners
from runfold.producers.follow.tail import Tail
from runfold.producers.log.port import Delivery, LogReader

Positions = dict[int, int]

_AT_ONCE = 200

Wish = tuple[str, frozenset[str] | None]
"""A tenant, and the types of events that are wanted; None for all."""


class TooFarBehindError(RefusedError):
    """More was written since the position than is read again for one watcher."""


class AsyncWatching:
    """``async with`` it, then ``begin``, then take what is new each time that ``woken`` is set.

    ``position`` is where to go on after what was taken.
    """

    woken: asyncio.Event

    def __init__(self, tail: Tail, reader: LogReader, topic: str, wish: Wish, limit: int) -> None:
        self._tail = tail
        self._reader = reader
        self._topic = topic
        self._tenant, self._types = wish
        self._limit = limit
        self._owners = Owners()
        self._until: Positions | None = None
        self._settled = False
        self._passed: Positions = {}
        self.position: Positions = {}

    async def __aenter__(self) -> Self:
        """Begin to listen."""
        bell, self.woken = bell_of(asyncio.get_running_loop()), asyncio.Event()
        self._watch = self._tail.watch(
            self._tenant, self._types, lambda: bell.ring(self.woken), self._limit
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop listening."""
        self._tail.unwatch(self._watch)

    async def begin(self, after: Mapping[int, int] | None, most: int) -> None:
        """Take the place after a position, or now where it is None.

        Raises RefusedError for a position that this journal does not have, TooFarBehindError where
        more than ``most`` records, of all tenants, were written since.
        """
        await asyncio.wrap_future(self._watch.positioned)
        if after is None:
            self.position, self._settled = self._tail.handed(), True
            return
        ends = dict(await asyncio.to_thread(self._reader.ends, self._topic))
        known = after.keys() == ends.keys()
        if not known or any(not 0 <= at <= ends[number] for number, at in after.items()):
            raise RefusedError("This is no position in the journal as it is now.")
        behind = sum(ends[number] - at for number, at in after.items())
        if behind > most:
            raise TooFarBehindError(f"{behind:,} events were written since, and {most:,} may be.")
        self.position = dict(after)
        self._until = ends
        self.woken.set()

    async def newest(self) -> list[Delivery]:
        """Return what is new, at once; each moves ``position`` only once it is ``taken``.

        Raises BehindError where more came than the buffer holds, and what ended the tail.
        """
        self.woken.clear()
        if self._until is not None:
            past = await asyncio.to_thread(self._read, self._until)
            self.woken.set()
            return past
        # In this order: what is before it was offered, and is drained.
        handed = self._tail.handed()
        found = self._watch.drain()
        if found is None and self._settled:
            raise BehindError(f"More came than {self._limit} events while nobody took them.")
        if found is None:
            # It came while what was before was being read: nobody was too slow.
            self._until = dict(await asyncio.to_thread(self._reader.ends, self._topic))
            self.woken.set()
            return []
        self._settled = True
        fresh = []
        for each in found:
            if isinstance(each, Exception):
                raise each
            if each.place.offset >= self.position.get(each.place.partition, 0):
                fresh.append(each)
        self._passed = handed
        return fresh

    def taken(self, found: Delivery) -> None:
        """Move on behind an event."""
        self.position[found.place.partition] = found.place.offset + 1

    def settle(self) -> None:
        """Move on behind what nobody wanted, once all that was returned is taken."""
        for number, at in self._passed.items():
            self.position[number] = max(at, self.position.get(number, 0))
        self._passed = {}

    def _read(self, until: Positions) -> list[Delivery]:
        """Return the next events before ``until``; None are left once it was reached."""
        passed = dict(self.position)

        def is_wanted(found: Delivery) -> bool:
            passed[found.place.partition] = found.place.offset + 1
            return self._owners.may_want(found, (self._watch,))

        found: list[Delivery] = []
        for each in self._reader.read(self._topic, dict(self.position), only=is_wanted, ends=until):
            if not isinstance(each.record, Event):
                continue
            self._owners.learn(each.key or b"", each.record.meta.tenant_id)
            if self._watch.wants(each.record):
                found.append(each)
            if len(found) >= _AT_ONCE:
                break
        else:
            self._until, passed = None, {**passed, **until}
        self._passed = passed
        return found
