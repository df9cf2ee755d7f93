"""Makes the calls of one kind: their turn, whether they can and may begin, and what comes of them.

    queued ──turn──▶ ready? ──▶ permitted? ──▶ begun ──▶ result
      ▲  │             │            │
      │  └─ dropped    └─▶ held     ├─▶ dropped
      └────────────── waits ◀───────┘

Calls without ``by_permission`` are begun when it is their turn.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from runfold.events.border import carried_bytes, cleaned
from runfold.events.calls import CallResult, CallWork, Outcome
from runfold.infra.logging.json_lines import about
from runfold.infra.process.failpoints import failpoint
from runfold.infra.tracing.calls import trace_call
from runfold.infra.tracing.spans import Traces
from runfold.processors.effects.bounds import Bounds
from runfold.processors.effects.failures import broke, overran, too_large
from runfold.processors.effects.gate import CallKey, Gate
from runfold.processors.effects.holds import CannotBeginError
from runfold.processors.effects.kinds import Make, Served
from runfold.processors.effects.metrics import HELD, IN_FLIGHT, QUEUED, WAIT, KeyGauges
from runfold.processors.effects.queue import Call, CallQueue
from runfold.processors.effects.waiters import Awaited, Waiter
from runfold.processors.engine.ports import Wish

GRACE_S = 30.0
"""What a handler gets beyond twice the call's own time-out, in seconds, before it is given up.

Handlers keep the time-out themselves, because they know what it means; a tool processor may also
wait as long again for another owner of its claim.
"""

MOST_CARRIED_BYTES = 7_000_000
"""Contents that a result may carry: what it is recorded as must fit into one event."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """What the makers of a host share."""

    traces: Traces | None
    grace_s: float
    gate: Gate | None
    bounds: Bounds


class Maker:
    """Makes the calls of one kind; all on the host's loop."""

    def __init__(self, served: Served[Any, Any], means: Means) -> None:
        self.queue = CallQueue(served.limit, means.bounds.share)
        self._served = served
        self._kind = served.kind
        self._means = means
        self._awaited: dict[CallKey, Awaited] = {}
        self._unbegun: dict[asyncio.Task[Any], Awaited] = {}
        self._gauges = KeyGauges(self._kind.name, self.queue.of_key)
        IN_FLIGHT(self._kind.name).set_function(lambda: self.queue.in_flight)
        QUEUED(self._kind.name).set_function(self.queue.queued)

    def put(self, work: CallWork, waiter: Waiter, now: float) -> None:
        """Make a call now, or queue it while there is no room."""
        key = _key(work)
        if (known := self._awaited.get(key)) is not None:
            known.waiters.append(waiter)
            # It may have waited for the word of somebody who is gone.
            self.wake(key)
            return
        awaited = Awaited(work, now, [waiter], group=self._served.shares(work))
        if (hold := self._no_room(awaited, now)) is not None and not self._displaced(awaited, hold):
            awaited.deliver(self._held(work, hold))
            return
        self._awaited[key] = awaited
        self._gauges.know(self._kind.turn(work), awaited.group)
        self.queue.put(self._queued(awaited))

    def look_again(self) -> None:
        """Ask again about the calls that were to wait."""
        for awaited in self._unbegun.values():
            awaited.woken = True
        self.queue.look_again()

    def wake(self, key: CallKey) -> None:
        """Ask again about a call, if it waits or is just about to."""
        if not self.queue.call_back(key) and (awaited := self._awaited.get(key)) is not None:
            awaited.woken = True

    def begin_no_more(self) -> None:
        """Forget what has not begun: it is handed out again elsewhere."""
        self.queue.drop_waiting()
        for task in tuple(self._unbegun):
            task.cancel()

    def _queued(self, awaited: Awaited) -> Call:
        work = awaited.work
        return Call(
            awaited.group,
            partial(self._call, awaited),
            self._served.cap(work),
            awaited.wish,
            partial(self._drop, awaited),
            work.tenant_id,
            work.run_id,
            _key(work),
        )

    def _no_room(self, awaited: Awaited, now: float) -> CannotBeginError | None:
        most, work, group = self._means.bounds.queued, awaited.work, awaited.group
        if most is None or not work.by_permission:
            return None
        queued, _ = self.queue.of_key(group)
        if queued < most:
            return None
        places = self.queue.places(self._served.cap(work))
        pause_s = self.queue.pace(group).room_in_s(queued, places, now)
        why = f"{queued} calls of {self._kind.turn(work)} wait here already."
        return CannotBeginError("no_room", why, int(pause_s * 1000))

    def _displaced(self, newcomer: Awaited, hold: CannotBeginError) -> bool:
        """Hold a call that stands back, in place of one whose run may well answer."""
        name = self.queue.take_aside(newcomer.group)
        if name is None:
            return False
        found = self._awaited[cast("CallKey", name)]
        self._forget(found.work, asked=True)
        found.deliver(self._held(found.work, hold))
        return True

    def _drop(self, awaited: Awaited) -> None:
        self._forget(awaited.work, asked=True)
        awaited.drop()

    def _forget(self, work: CallWork, *, asked: bool) -> None:
        """Take a call for done; where its run may have been ``asked``, nobody needs the answer."""
        self._awaited.pop(_key(work), None)
        if asked and self._means.gate is not None:
            self._means.gate.forget(work)

    async def _call(self, awaited: Awaited) -> None:
        work = awaited.work
        with about(work.run_id, work.call_id, work.traceparent):
            came = await self._came_of(awaited)
            if isinstance(came, CallResult):
                self._forget(work, asked=came.outcome is Outcome.HELD)
                awaited.deliver(came)
            elif came is Wish.DROP:
                self._drop(awaited)
            elif awaited.woken:
                self.queue.put(self._queued(awaited))
            else:
                self.queue.put_aside(self._queued(awaited))

    async def _came_of(self, awaited: Awaited) -> CallResult | Wish:
        """Return the result, or that the call is not to begin, now or at all."""
        work = awaited.work
        if not work.by_permission:
            return await self._begun(awaited, partial(self._served.handler, work))
        task = asyncio.current_task()
        assert task is not None
        self._unbegun[task] = awaited
        awaited.woken = False
        came: CallResult | Wish | None = None
        try:
            async with AsyncExitStack() as stack:
                make = await self._ready(work, stack)
                came = await self._permitted(awaited)
                if came is Wish.BEGIN:
                    del self._unbegun[task]
                    came = await self._begun(awaited, make)
        except CannotBeginError as hold:
            came = self._held(work, hold)
        except BaseException as raised:
            if isinstance(raised, asyncio.CancelledError) and _told_to_end():
                raise
            log.exception("whether call %s can begin is not known", work.call_id)
            if came is None or came is Wish.BEGIN:
                came = self._held(work, CannotBeginError("internal_error", _broke(raised)))
        finally:
            self._unbegun.pop(task, None)
        return came

    async def _ready(self, work: CallWork, stack: AsyncExitStack) -> Make[Any]:
        if self._served.ready is None:
            return partial(self._served.handler, work)
        limit = asyncio.timeout(work.timeout_ms / 1000 + self._means.grace_s)
        try:
            async with limit:
                return await stack.enter_async_context(self._served.ready(work))
        except TimeoutError as error:
            if not limit.expired():
                raise
            key = self._kind.turn(work)
            raise CannotBeginError("not_ready", f"{key} was not ready in time.") from error

    async def _permitted(self, awaited: Awaited) -> Wish:
        """Return whether the call may begin, as its run says at this moment."""
        wish, gate = awaited.wish(), self._means.gate
        if gate is None or wish is not Wish.BEGIN:
            return wish
        granted = await gate.asked(awaited.work)
        if granted is None:
            # So that no places are taken by those whom nobody answers.
            return Wish.DROP if awaited.wish() is Wish.DROP else Wish.WAIT
        if granted:
            failpoint("pool.after_grant")
        return Wish.BEGIN if granted else Wish.DROP

    async def _begun(self, awaited: Awaited, make: Make[Any]) -> CallResult:
        work, began, began_ns = awaited.work, time.monotonic(), time.time_ns()
        WAIT(self._kind.name).observe(began - awaited.since)
        result = await self._result(work, make, began)
        if result.outcome is Outcome.HELD:
            return result
        self.queue.pace(awaited.group).took(time.monotonic() - began)
        result = result.model_copy(update={"queued_ms": int((began - awaited.since) * 1000)})
        if self._means.traces is not None:
            self._trace(self._means.traces, work, result, began_ns)
        return result

    async def _result(self, work: CallWork, make: Make[Any], began: float) -> CallResult:
        limit_s = 2 * work.timeout_ms / 1000 + self._means.grace_s
        retryable = self._kind.repeatable
        try:
            async with asyncio.timeout(limit_s):
                return self._checked(work, await make())
        except TimeoutError:
            log.exception("call %s overran", work.call_id)
            error = overran(limit_s, retryable=retryable)
        except CannotBeginError as hold:
            return self._held(work, hold)
        except BaseException as raised:
            # Whatever is raised would end the loop, or leave the call without a result; only
            # the cancellation of this host passes.
            if isinstance(raised, asyncio.CancelledError) and _told_to_end():
                raise
            log.exception("call %s broke its handler", work.call_id)
            error = broke(raised, retryable=retryable)
        broken: CallResult = self._kind.on_broken(
            work, error, int((time.monotonic() - began) * 1000)
        )
        return broken

    def _checked(self, work: CallWork, result: object) -> CallResult:
        if not isinstance(result, self._kind.call.result):
            raise TypeError(f"the handler returned a {type(result).__name__}")
        # What a provider or a tool said must fit into a record, whatever it is.
        checked: CallResult = cleaned(result)
        if checked.outcome is Outcome.HELD:
            code = checked.error.error_type if checked.error is not None else "unknown"
            HELD(self._kind.name, self._kind.turn(work), code).inc()
        if (size := carried_bytes(checked)) > MOST_CARRIED_BYTES:
            return checked.emptied(too_large(size, MOST_CARRIED_BYTES))
        return checked

    def _held(self, work: CallWork, hold: CannotBeginError) -> CallResult:
        HELD(self._kind.name, self._kind.turn(work), hold.code).inc()
        held: CallResult = cleaned(self._kind.on_held(work, hold.info()))
        return held

    def _trace(self, traces: Traces, work: CallWork, result: CallResult, began_ns: int) -> None:
        """Emit the call's span; whatever is wrong with it, the result must not wait."""
        try:
            trace_call(traces, self._kind.span, work, result, began_ns, time.time_ns())
        except Exception:
            log.exception("the span of call %s could not be emitted", work.call_id)


def _key(work: CallWork) -> CallKey:
    return work.call_id, work.attempt


def _broke(error: BaseException) -> str:
    return f"The effect processor failed with {type(error).__name__}; its log has the rest."


def _told_to_end() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
