"""Calls made in this process: work comes through memory, and results go back the same way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

from runfold.events.base import Record
from runfold.infra.tracing.spans import Traces
from runfold.processors.effects.bounds import Bounds
from runfold.processors.effects.gate import CallKey, Gate
from runfold.processors.effects.kinds import Served
from runfold.processors.effects.loop import LoopThread
from runfold.processors.effects.maker import GRACE_S, Maker, Means
from runfold.processors.effects.waiters import Waiter
from runfold.processors.engine.ports import Deliver, Dropped, Wanted


class LocalEffects:
    """Makes the calls of the served kinds on one event loop in one thread.

    Every submitted work is delivered exactly one result, whatever its handler does, or is dropped
    because nobody wants it, unless ``close`` comes first: what was open then is handed out again by
    the run after a restart. Work that is here already, queued or in flight, is not done a second
    time: whoever hands it out again waits for the same result.
    ``deliver`` is called on the loop's thread and must not block. ``resources`` are what handlers
    share and must live on that loop, such as claims: entered here, left by ``close``.
    ``traces`` gets a span a call. ``grace_s`` is as ``GRACE_S`` says. ``gate`` is asked before a
    call with ``by_permission`` begins; without one, whoever submitted it is.
    """

    def __init__(
        self,
        *served: Served[Any, Any],
        resources: Sequence[AbstractAsyncContextManager[Any]] = (),
        traces: Traces | None = None,
        grace_s: float = GRACE_S,
        gate: Gate | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        means = Means(traces, grace_s, gate, bounds or Bounds())
        self._makers = {each.kind.call.work: Maker(each, means) for each in served}
        if gate is not None:
            gate.wakes(self._wake)
        self._closed = False
        self._resources = AsyncExitStack()
        self._loop = LoopThread("effects")
        try:
            self._loop.run(self._enter(resources))
        except BaseException:
            self._loop.stop()
            raise

    def submit(
        self,
        work: Record,
        deliver: Deliver,
        wanted: Wanted | None = None,
        dropped: Dropped | None = None,
    ) -> None:
        """Make a call and deliver its result; from any thread.

        A call that is not ``wanted`` when its turn comes is dropped, or waits. Raises TypeError for
        a record that is not work of a kind that is served here, which is a bug.
        """
        self.submit_many((work,), deliver, wanted, dropped)

    def submit_many(
        self,
        works: Sequence[Record],
        deliver: Deliver,
        wanted: Wanted | None = None,
        dropped: Dropped | None = None,
    ) -> None:
        """Make several calls; waking the loop costs the same as for one."""
        if works:
            calls = [(self._maker(work), work) for work in works]
            self._loop.soon(self._accept, calls, Waiter(deliver, wanted, dropped))

    def look_again(self) -> None:
        """Ask again about what was to wait; from any thread."""
        if not self._closed:
            self._loop.soon(self._look_again)

    def ping(self, answered: Callable[[], object]) -> None:
        """Call ``answered`` on the loop's thread: a loop that a handler blocks does not answer."""
        self._loop.soon(answered)

    def close(self, grace_s: float = 5.0) -> bool:
        """Wait for what is in flight, then cancel it; False if something had to be cancelled."""
        if self._closed:
            return True
        self._closed = True
        ended = self._loop.run(self._drain(grace_s))
        self._loop.stop()
        return ended

    def _maker(self, work: Record) -> Maker:
        found = self._makers.get(type(work))
        if found is None:
            raise TypeError(f"{type(work).__name__} is not work that this process does")
        return found

    def _accept(self, calls: Sequence[tuple[Maker, Any]], waiter: Waiter) -> None:
        if self._closed:
            return
        now = time.monotonic()
        for maker, work in calls:
            maker.put(work, waiter, now)

    def _look_again(self) -> None:
        if not self._closed:
            for maker in self._makers.values():
                maker.look_again()

    def _wake(self, key: CallKey) -> None:
        for maker in self._makers.values():
            maker.wake(key)

    async def _enter(self, resources: Sequence[AbstractAsyncContextManager[Any]]) -> None:
        async with AsyncExitStack() as entered:
            for resource in resources:
                await entered.enter_async_context(resource)
            self._resources = entered.pop_all()

    async def _drain(self, grace_s: float) -> bool:
        makers = self._makers.values()
        for maker in makers:
            maker.begin_no_more()
        ended = await asyncio.gather(*(maker.queue.idle(grace_s) for maker in makers))
        for maker in makers:
            await maker.queue.cancel()
        await self._resources.aclose()
        return all(ended)
