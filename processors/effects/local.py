"""Calls made in this process: work comes through memory, and results go back the same way."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import partial
from typing import Any

from runfold.events.base import Record
from runfold.events.border import carried_bytes, cleaned
from runfold.events.calls import CallResult, CallWork
from runfold.infra.logging.json_lines import about
from runfold.infra.tracing.calls import trace_call
from runfold.infra.tracing.spans import Traces
from runfold.processors.effects.failures import broke, overran, too_large
from runfold.processors.effects.kinds import Served
from runfold.processors.effects.loop import LoopThread
from runfold.processors.effects.metrics import IN_FLIGHT, QUEUED, WAIT
from runfold.processors.effects.queue import Call, CallQueue

Deliver = Callable[[Record], None]
Wanted = Callable[[], bool]

GRACE_S = 30.0
"""What a handler gets beyond twice the call's own time-out, in seconds, before it is given up.

Handlers keep the time-out themselves, because they know what it means; a tool processor may also
wait as long again for another owner of its claim.
"""

MOST_CARRIED_BYTES = 7_000_000
"""Contents that a result may carry: what it is recorded as must fit into one event."""

log = logging.getLogger(__name__)


class LocalEffects:
    """Makes the calls of the served kinds on one event loop in one thread.

    Every submitted work is delivered exactly one result, whatever its handler does, unless
    ``close`` comes first: what was open then is handed out again by the run after a restart.
    ``deliver`` is called on the loop's thread and must not block. ``resources`` are what handlers
    share and must live on that loop, such as claims: entered here, left by ``close``.
    ``traces`` gets a span a call. ``grace_s`` is as ``GRACE_S`` says.
    """

    def __init__(
        self,
        *served: Served[Any, Any],
        resources: Sequence[AbstractAsyncContextManager[Any]] = (),
        traces: Traces | None = None,
        grace_s: float = GRACE_S,
    ) -> None:
        self._makers = {
            each.kind.call.work: _Maker(each, CallQueue(each.limit), traces, grace_s)
            for each in served
        }
        self._closed = False
        self._resources = AsyncExitStack()
        self._loop = LoopThread("effects")
        try:
            self._loop.run(self._enter(resources))
        except BaseException:
            self._loop.stop()
            raise

    def submit(self, work: Record, deliver: Deliver, wanted: Wanted | None = None) -> None:
        """Make a call and deliver its result; from any thread.

        A call that must wait and is no longer ``wanted`` when its turn comes is dropped. Raises
        TypeError for a record that is not work of a kind that is served here, which is a bug.
        """
        self.submit_many((work,), deliver, wanted)

    def submit_many(
        self, works: Sequence[Record], deliver: Deliver, wanted: Wanted | None = None
    ) -> None:
        """Make several calls; waking the loop costs the same as for one."""
        if works:
            calls = [(self._maker(work), work) for work in works]
            self._loop.soon(self._accept, calls, deliver, wanted)

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

    def _maker(self, work: Record) -> _Maker:
        found = self._makers.get(type(work))
        if found is None:
            raise TypeError(f"{type(work).__name__} is not work that this process does")
        return found

    def _accept(
        self, calls: Sequence[tuple[_Maker, Any]], deliver: Deliver, wanted: Wanted | None
    ) -> None:
        if self._closed:
            return
        now = time.monotonic()
        for maker, work in calls:
            maker.put(work, deliver, wanted, now)

    async def _enter(self, resources: Sequence[AbstractAsyncContextManager[Any]]) -> None:
        async with AsyncExitStack() as entered:
            for resource in resources:
                await entered.enter_async_context(resource)
            self._resources = entered.pop_all()

    async def _drain(self, grace_s: float) -> bool:
        queues = [maker.queue for maker in self._makers.values()]
        for queue in queues:
            queue.drop_waiting()
        ended = await asyncio.gather(*(queue.idle(grace_s) for queue in queues))
        for queue in queues:
            await queue.cancel()
        await self._resources.aclose()
        return all(ended)


class _Maker:
    """Makes the calls of one kind."""

    def __init__(
        self, served: Served[Any, Any], queue: CallQueue, traces: Traces | None, grace_s: float
    ) -> None:
        self.queue = queue
        self._served = served
        self._kind = served.kind
        self._traces = traces
        self._grace_s = grace_s
        IN_FLIGHT(self._kind.name).set_function(lambda: queue.in_flight)
        QUEUED(self._kind.name).set_function(queue.queued)

    def put(
        self, work: CallWork, deliver: Deliver, wanted: Wanted | None, submitted: float
    ) -> None:
        """Make a call now, or queue it while there is no room."""
        run = partial(self._call, work, deliver, submitted)
        self.queue.put(Call(self._kind.turn(work), run, self._served.cap(work), wanted))

    async def _call(self, work: CallWork, deliver: Deliver, submitted: float) -> None:
        with about(work.run_id, work.call_id, work.traceparent):
            started, began_ns = time.monotonic(), time.time_ns()
            WAIT(self._kind.name).observe(started - submitted)
            result = await self._result(work, started)
            if self._traces is not None:
                self._trace(self._traces, work, result, began_ns)
            try:
                deliver(result)
            except Exception:
                log.exception("the result of call %s could not be delivered", work.call_id)

    async def _result(self, work: CallWork, started: float) -> CallResult:
        limit_s = 2 * work.timeout_ms / 1000 + self._grace_s
        retryable = self._kind.repeatable
        try:
            async with asyncio.timeout(limit_s):
                return self._checked(await self._served.handler(work))
        except TimeoutError:
            log.exception("call %s overran", work.call_id)
            error = overran(limit_s, retryable=retryable)
        except BaseException as raised:
            # Whatever is raised would end the loop, or leave the call without a result; only
            # the cancellation of this host passes.
            if isinstance(raised, asyncio.CancelledError) and _told_to_end():
                raise
            log.exception("call %s broke its handler", work.call_id)
            error = broke(raised, retryable=retryable)
        broken: CallResult = self._kind.on_broken(
            work, error, int((time.monotonic() - started) * 1000)
        )
        return broken

    def _checked(self, result: object) -> CallResult:
        if not isinstance(result, self._kind.call.result):
            raise TypeError(f"the handler returned a {type(result).__name__}")
        # What a provider or a tool said must fit into a record, whatever it is.
        checked: CallResult = cleaned(result)
        if (size := carried_bytes(checked)) > MOST_CARRIED_BYTES:
            return checked.emptied(too_large(size, MOST_CARRIED_BYTES))
        return checked

    def _trace(self, traces: Traces, work: CallWork, result: CallResult, began_ns: int) -> None:
        """Emit the call's span; whatever is wrong with it, the result must not wait."""
        try:
            trace_call(traces, self._kind.span, work, result, began_ns, time.time_ns())
        except Exception:
            log.exception("the span of call %s could not be emitted", work.call_id)


def _told_to_end() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
