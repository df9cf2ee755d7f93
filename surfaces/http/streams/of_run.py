"""One run's events as a source: history and what comes, joined by number, to the run's end."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from runfold.events.run import Event, ModelResponded
from runfold.producers.errors import BehindError
from runfold.producers.follow.bell import bell_of
from runfold.producers.follow.hub import Hub
from runfold.producers.follow.pieces import Listener, Pieces
from runfold.surfaces.http.metrics import CUT
from runfold.surfaces.http.streams.response import Piece
from runfold.surfaces.http.streams.wire import BEAT, cut, mark, message, piece_of

_AT_ONCE = 64


class RunSource:
    """What a listener of a run is sent; ``types`` are those that are wanted, None for all.

    Open it, then look at ``tenant_id``: None where the run has no event yet.
    """

    def __init__(
        self, hub: Hub, run_id: str, tenant_id: str, after: int, types: frozenset[str] | None
    ) -> None:
        self._following = hub.async_following(run_id, after)
        self._tenant = tenant_id
        self._types = types
        self._run_id = run_id
        self._pieces: Listener | None = None
        self._answered: set[str] = set()
        self._stack = AsyncExitStack()
        self._waiting: list[Event] = []
        self._last = self._told = after

    @property
    def woken(self) -> asyncio.Event:
        """Is set when there may be something."""
        return self._following.woken

    @property
    def tenant_id(self) -> str | None:
        """Whose run it is, None while no event of it was seen."""
        return self._following.tenant_id

    @property
    def is_over(self) -> bool:
        """Whether the run has ended, and nothing of it is left to send."""
        return self._following.ended and not self._waiting

    async def open(self, pieces: Pieces | None = None) -> None:
        """Begin to listen, and read what was; raises LogError and WireError.

        With ``pieces`` it also sends what models say while they answer.
        """
        await self._stack.enter_async_context(self._following)
        if pieces is not None:
            bell, woken = bell_of(asyncio.get_running_loop()), self.woken
            self._pieces = pieces.listen(self._run_id, self._tenant, lambda: bell.ring(woken))
            self._stack.callback(self._pieces.close)
        self._waiting = await self._following.past()

    async def take(self) -> Piece:
        """Return some of what waits, or what is new."""
        if not self._waiting:
            try:
                self._waiting = await self._following.newest()
            except BehindError:
                CUT("behind").inc()
                return Piece(cut(str(self._last), "too slow for this run"), last=True)
        if self.tenant_id not in {None, self._tenant}:
            # Nobody asked for it before it began: what begins under its id is somebody else's.
            return Piece(b"", last=True)
        now, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
        if self._waiting:
            self.woken.set()
        return self._piece(now)

    def beat(self) -> bytes:
        """Return a sign of life, which moves on who would pass over again what is not wanted."""
        return self._mark() + BEAT

    async def close(self) -> None:
        """Stop listening."""
        await self._stack.aclose()

    def _mark(self) -> bytes:
        moved, self._told = self._told < self._last, self._last
        return mark(str(self._last)) if moved else b""

    def _deltas(self, events: list[Event]) -> list[bytes]:
        """Return the pieces that came, but for those of answers that are whole by now."""
        if self._pieces is None:
            return []
        parts = [piece_of(e) for e in self._pieces.drain() if e.call_id not in self._answered]
        for event in events:
            if isinstance(event.fact, ModelResponded):
                # The run goes on to its next call: older ones are not spoken any more.
                self._answered = {event.fact.call_id}
        return parts

    def _piece(self, events: list[Event]) -> Piece:
        wanted = [e for e in events if self._types is None or e.type in self._types]
        parts = self._deltas(events)
        parts += [message(event, str(event.meta.seq)) for event in wanted]
        if events:
            self._last = events[-1].meta.seq
        if wanted:
            self._told = wanted[-1].meta.seq
        if self.is_over:
            # Who comes back after an end that is not wanted is told that nothing comes any more.
            parts.append(self._mark())
        return Piece(b"".join(parts), len(wanted), last=self.is_over)
