"""Calls made in this process: work comes through memory, and results go back the same way."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from runfold.events.base import Record
from runfold.events.calls import ModelResult, ModelWork, ToolResult, ToolWork
from runfold.infra.logging.json_lines import about
from runfold.infra.tracing.calls import trace_call
from runfold.infra.tracing.spans import Traces
from runfold.processors.effects.failures import Result, Work, as_work, broke, failure, overran
from runfold.processors.effects.loop import LoopThread
from runfold.processors.effects.metrics import IN_FLIGHT, QUEUED, WAIT
from runfold.processors.effects.queue import Call, CallQueue

Deliver = Callable[[Record], None]
ModelHandler = Callable[[ModelWork], Awaitable[ModelResult]]
ToolHandler = Callable[[ToolWork], Awaitable[ToolResult]]
Wanted = Callable[[], bool]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """Calls in flight at once, and what a handler gets beyond the call's own time-out.

    Handlers keep the time-out themselves, because they know what it means; a tool processor may
    also wait as long again for another owner of its claim. ``grace_s`` comes on top of both.
    ``tool_cap`` is how many calls of one tool may run at once in this process [97].
    """

    model_calls: int = 256
    tool_calls: int = 64
    grace_s: float = 30.0
    tool_cap: Callable[[str, str], int | None] = lambda _name, _version: None

    def patience_s(self, work: Work) -> float:
        """Return after how many seconds the host gives a call up."""
        return 2 * work.timeout_ms / 1000 + self.grace_s


class LocalEffects:
    """Makes model and tool calls on one event loop in one thread, a bounded number at once.

    Every submitted work is delivered exactly one result, whatever its handler does, unless
    ``close`` comes first: what was open then is handed out again by the run after a restart.
    ``deliver`` is called on the loop's thread and must not block. ``resources`` are what handlers
    share and must live on that loop, such as claims: entered here, left by ``close``.
    ``traces`` gets a span a call.
    """

    def __init__(
        self,
        model: ModelHandler | None = None,
        tool: ToolHandler | None = None,
        limits: Limits | None = None,
        resources: Sequence[AbstractAsyncContextManager[Any]] = (),
        traces: Traces | None = None,
    ) -> None:
        self._model = model
        self._tool = tool
        self._traces = traces
        self._limits = limits or Limits()
        self._models = CallQueue(self._limits.model_calls)
        self._tools = CallQueue(self._limits.tool_calls)
        for kind, calls in (("model", self._models), ("tool", self._tools)):
            IN_FLIGHT(kind).set_function(partial(getattr, calls, "in_flight"))
            QUEUED(kind).set_function(calls.queued)
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

        A call that must wait and is no longer ``wanted`` when its turn comes is dropped.
        """
        self._loop.soon(self._accept, (as_work(work),), deliver, wanted)

    def submit_many(
        self, works: Sequence[Record], deliver: Deliver, wanted: Wanted | None = None
    ) -> None:
        """Make several calls; waking the loop costs the same as for one."""
        if works:
            self._loop.soon(self._accept, tuple(map(as_work, works)), deliver, wanted)

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

    def _accept(self, works: Sequence[Work], deliver: Deliver, wanted: Wanted | None) -> None:
        if self._closed:
            return
        now = time.monotonic()
        for work in works:
            run = partial(self._call, work, deliver, now)
            if isinstance(work, ModelWork):
                self._models.put(Call(work.model, run, wanted=wanted))
            else:
                cap = self._limits.tool_cap(work.tool, work.tool_version)
                key = f"{work.tool}@{work.tool_version}"
                self._tools.put(Call(key, run, cap, wanted))

    async def _call(self, work: Work, deliver: Deliver, submitted: float) -> None:
        with about(work.run_id, work.call_id, work.traceparent):
            started, began_ns = time.monotonic(), time.time_ns()
            WAIT("model" if isinstance(work, ModelWork) else "tool").observe(started - submitted)
            result = await self._result(work, started)
            if self._traces is not None:
                self._trace(self._traces, work, result, began_ns)
            try:
                deliver(result)
            except Exception:
                log.exception("the result of call %s could not be delivered", work.call_id)

    async def _result(self, work: Work, started: float) -> Result:
        retryable = isinstance(work, ModelWork)
        patience_s = self._limits.patience_s(work)
        try:
            async with asyncio.timeout(patience_s):
                return await self._handle(work)
        except TimeoutError:
            log.exception("call %s overran", work.call_id)
            return failure(work, overran(patience_s, retryable=retryable), _ms_since(started))
        except Exception as error:
            log.exception("call %s broke its handler", work.call_id)
            return failure(work, broke(error, retryable=retryable), _ms_since(started))

    def _trace(self, traces: Traces, work: Work, result: Result, began_ns: int) -> None:
        """Emit the call's span; whatever is wrong with it, the result must not wait."""
        try:
            trace_call(traces, work, result, began_ns, time.time_ns())
        except Exception:
            log.exception("the span of call %s could not be emitted", work.call_id)

    async def _handle(self, work: Work) -> Result:
        if isinstance(work, ModelWork):
            if self._model is None:
                raise LookupError("this process makes no model calls")
            return await self._model(work)
        if self._tool is None:
            raise LookupError("this process makes no tool calls")
        return await self._tool(work)

    async def _enter(self, resources: Sequence[AbstractAsyncContextManager[Any]]) -> None:
        async with AsyncExitStack() as entered:
            for resource in resources:
                await entered.enter_async_context(resource)
            self._resources = entered.pop_all()

    async def _drain(self, grace_s: float) -> bool:
        self._models.drop_waiting()
        self._tools.drop_waiting()
        ended = await asyncio.gather(self._models.idle(grace_s), self._tools.idle(grace_s))
        await self._models.cancel()
        await self._tools.cancel()
        await self._resources.aclose()
        return all(ended)


def _ms_since(started: float) -> int:
    return int((time.monotonic() - started) * 1000)
