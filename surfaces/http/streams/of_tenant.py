"""The events of all runs of a tenant as a source: what was since a position, then what comes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack

from runfold.events.run import Event
from runfold.producers.errors import BehindError
from runfold.producers.follow.hub import Hub
from runfold.producers.log.port import Delivery
from runfold.surfaces.http.metrics import CUT
from runfold.surfaces.http.streams.cards import Cards, Which
from runfold.surfaces.http.streams.position import token
from runfold.surfaces.http.streams.response import Piece
from runfold.surfaces.http.streams.wire import BEAT, cut, mark, message

MOST_BEHIND = 100_000
"""How many events, of all tenants, are read again at most for one listener."""

_AT_ONCE = 64


class TenantSource:
    """What a listener of a tenant is sent: events of some types, of runs of some kind."""

    def __init__(
        self,
        hub: Hub,
        tenant_id: str,
        types: frozenset[str] | None,
        which: Which,
        cards: Cards,
    ) -> None:
        # What a run is asked for with is learnt from its first event, also where that is not sent.
        seen = types if types is None or not which else types | {"RunCreated", "RunRefused"}
        self._watching = hub.async_watching(tenant_id, seen)
        self._types = types
        self._which = which
        self._cards = cards
        self._stack = AsyncExitStack()
        self._waiting: list[Delivery] = []
        self._told = ""

    @property
    def woken(self) -> asyncio.Event:
        """Is set when there may be something."""
        return self._watching.woken

    async def open(self, after: Mapping[int, int] | None) -> None:
        """Begin to listen after a position, or now; raises as ``AsyncWatching.begin``."""
        await self._stack.enter_async_context(self._watching)
        await self._watching.begin(after, MOST_BEHIND)
        self.woken.set()

    async def take(self) -> Piece:
        """Return some of what waits, or what is new."""
        if not self._waiting:
            try:
                self._waiting = await self._watching.newest()
            except BehindError:
                CUT("behind").inc()
                return Piece(cut(self._place(), "too slow for these runs"), last=True)
        now, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
        parts = [await self._one(each) for each in now]
        if self._waiting:
            self.woken.set()
        else:
            self._watching.settle()
        sent = [part for part in parts if part]
        first = [] if self._told else [self._mark()]
        return Piece(b"".join(first + sent), len(sent))

    def beat(self) -> bytes:
        """Return a sign of life, which moves on who would pass over again what is not wanted."""
        return self._mark() + BEAT

    async def close(self) -> None:
        """Stop listening."""
        await self._stack.aclose()

    async def _one(self, found: Delivery) -> bytes:
        self._watching.taken(found)
        event = found.record
        if not isinstance(event, Event):
            return b""
        if self._which:
            self._cards.learn(event)
            if (self._types is not None and event.type not in self._types) or not self._which.fits(
                await self._cards.of(event.meta.run_id)
            ):
                return b""
        self._told = self._place()
        return message(event, self._told)

    def _place(self) -> str:
        return token(self._watching.position)

    def _mark(self) -> bytes:
        place = self._place()
        moved, self._told = place != self._told, place
        return mark(place) if moved else b""
