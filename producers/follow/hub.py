"""The hub: everybody who follows runs of a process, behind one tail of the topic.

A follower subscribes first and reads history then, so that nothing falls between them; what comes
by both ways is recognised by its number. One who falls behind, or finds a gap, reads history again.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import TimeoutError as NotInTime
from types import TracebackType
from typing import Self

from runfold.events.run import Event
from runfold.producers.errors import BehindError, RefusedError, UnavailableError
from runfold.producers.follow.bell import bell_of
from runfold.producers.follow.cursor import Cursor
from runfold.producers.follow.history import LogHistory
from runfold.producers.follow.subscription import Item
from runfold.producers.follow.tail import LIMIT, PATIENCE_S, Tail
from runfold.producers.follow.watching import AsyncWatching
from runfold.producers.log.port import LogReader

_LONGEST_WAIT_S = 3600.0
_AGAIN_S = 0.5


class Hub:
    """One a process and topic; close it when the process has no use for it any more."""

    def __init__(self, reader: LogReader, topic: str, *, patience_s: float = PATIENCE_S) -> None:
        self.patience_s = patience_s
        self.reader, self.topic = reader, topic
        self.tail = Tail(reader, topic, patience_s=patience_s)
        self.history = LogHistory(reader, topic)

    def following(
        self, run_id: str, after_seq: int = 0, timeout: float | None = None, limit: int = LIMIT
    ) -> Following:
        """Return a run to follow from after an event on, for ``timeout`` seconds at most."""
        return Following(self, run_id, after_seq, timeout, limit)

    def async_following(
        self, run_id: str, after_seq: int = 0, timeout: float | None = None, limit: int = LIMIT
    ) -> AsyncFollowing:
        """Return a run to follow on an event loop: a thousand of them need no thread."""
        return AsyncFollowing(self, run_id, after_seq, timeout, limit)

    def async_watching(
        self, tenant_id: str, types: frozenset[str] | None = None, limit: int = LIMIT
    ) -> AsyncWatching:
        """Return the runs of a tenant to watch: their events of some types, or of all."""
        return AsyncWatching(self.tail, self.reader, self.topic, (tenant_id, types), limit)

    def close(self) -> None:
        """Stop reading; those who still follow receive a FatalError."""
        self.tail.close()


class _Joined:
    """What both forms of following share: the deadline, and what an item means.

    ``behind`` counts how often it was too slow for its buffer, and read history instead;
    ``caught_up`` says whether it has read history at all, and not run out of time before.
    """

    def __init__(
        self, hub: Hub, run_id: str, after_seq: int, timeout: float | None, limit: int
    ) -> None:
        self._hub = hub
        self._run_id = run_id
        self._limit = limit
        self._cursor = Cursor(after_seq)
        self.behind = 0
        self.caught_up = False
        self._away_since: float | None = None
        self.extend(timeout)

    def extend(self, timeout: float | None) -> None:
        """Let it go on for ``timeout`` seconds from now; with None, as long as the run lives."""
        self._due = None if timeout is None else time.monotonic() + timeout

    def left(self) -> float:
        """Return the seconds that are left, 0 where none are; an hour where there is no limit."""
        if self._due is None:
            return _LONGEST_WAIT_S
        return max(0.0, self._due - time.monotonic())

    @property
    def ended(self) -> bool:
        """Whether the run's last event was taken."""
        return self._cursor.ended

    @property
    def tenant_id(self) -> str | None:
        """Whose run it is; None while no event of it was seen."""
        return self._cursor.tenant_id

    @property
    def _over(self) -> bool:
        return self._cursor.ended or self.left() == 0

    def _pause(self) -> float:
        """Return how long to wait before history is read again; raises where it was long enough.

        Call it while the error is handled. The log answered this hub before, and may be back soon.
        """
        now = time.monotonic()
        self._away_since = self._away_since or now
        if now - self._away_since > self._hub.patience_s:
            raise  # noqa: PLE0704 - it is called where an error is handled
        return min(_AGAIN_S, self.left())

    def _new(self, events: list[Event]) -> list[Event]:
        return [event for event in events if self._cursor.takes(event)]

    def _needs_history(self, items: list[Item] | None) -> bool:
        """Return whether events are missing before or among these; raises what cannot be read."""
        if items is None:
            self.behind += 1
            return True
        expected = Cursor(self._cursor.last)
        for item in items:
            if isinstance(item, Exception):
                raise item
            if not isinstance(item, Event):
                continue
            if expected.misses_before(item):
                return True
            expected.takes(item)
        return False


class Following(_Joined):
    """A run that is followed: iterate over it inside ``with``; it ends with the run, or in time.

    Raises LogError where the log cannot be read, WireError where a record of the run cannot.
    """

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._woken = threading.Event()
        self._subscription = self._hub.tail.subscribe(self._run_id, self._woken.set, self._limit)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop listening."""
        self._hub.tail.unsubscribe(self._subscription)

    def past(self) -> list[Event]:
        """Return what is committed by now and new to this follower; nothing where time is up."""
        try:
            self._subscription.positioned.result(self.left())
            while True:
                try:
                    events = self._hub.history.read(self._run_id).result(self.left())
                    break
                except (UnavailableError, RefusedError):
                    time.sleep(self._pause())
        except NotInTime:
            return []
        self.caught_up, self._away_since = True, None
        return self._new(events)

    def coming(self) -> Iterator[Event]:
        """Yield what comes after ``past``, until the run ends or time is up."""
        while not self._over:
            self._woken.wait(self.left())
            self._woken.clear()
            items = self._subscription.drain()
            if self._needs_history(items):
                yield from self.past()
            yield from self._new([item for item in items or () if isinstance(item, Event)])

    def __iter__(self) -> Iterator[Event]:
        """Yield the run's events in order, those that were and those that come."""
        yield from self.past()
        yield from self.coming()


class AsyncFollowing(_Joined):
    """The same on an event loop: ``async with``, then ``async for``.

    ``woken`` is set when there is something new, for those who take it by ``newest``.
    """

    woken: asyncio.Event

    async def __aenter__(self) -> Self:
        """Begin to listen."""
        bell, self.woken = bell_of(asyncio.get_running_loop()), asyncio.Event()
        self._subscription = self._hub.tail.subscribe(
            self._run_id, lambda: bell.ring(self.woken), self._limit
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop listening."""
        self._hub.tail.unsubscribe(self._subscription)

    async def past(self) -> list[Event]:
        """Return what is committed by now and new to this follower; nothing where time is up."""
        try:
            async with asyncio.timeout(self.left()):
                await asyncio.wrap_future(self._subscription.positioned)
                while True:
                    try:
                        events = await asyncio.wrap_future(self._hub.history.read(self._run_id))
                        break
                    except (UnavailableError, RefusedError):
                        await asyncio.sleep(self._pause())
        except TimeoutError:
            return []
        self.caught_up, self._away_since = True, None
        return self._new(events)

    async def coming(self) -> AsyncIterator[Event]:
        """Yield what comes after ``past``, until the run ends or time is up."""
        while not self._over:
            try:
                async with asyncio.timeout(self.left()):
                    await self.woken.wait()
            except TimeoutError:
                return
            self.woken.clear()
            items = self._subscription.drain()
            if self._needs_history(items):
                for event in await self.past():
                    yield event
            for event in self._new([item for item in items or () if isinstance(item, Event)]):
                yield event

    async def newest(self) -> list[Event]:
        """Return what has come since, at once; wait for ``woken`` before.

        Raises BehindError where more came than the buffer holds: history has it, read from the
        last event that was taken on.
        """
        self.woken.clear()
        items = self._subscription.drain()
        if items is None:
            raise BehindError(f"More came than {self._limit} events while nobody took them.")
        missing = await self.past() if self._needs_history(items) else []
        return missing + self._new([item for item in items if isinstance(item, Event)])

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Yield the run's events in order, those that were and those that come."""
        for event in await self.past():
            yield event
        async for event in self.coming():
            yield event
