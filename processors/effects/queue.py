"""A bounded number of calls in flight, and a fair queue of those that wait."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """A call to make: its concurrency ``key`` and ``cap``, and whether it is still wanted."""

    key: str
    run: Callable[[], Coroutine[Any, Any, None]]
    cap: int | None = None
    wanted: Callable[[], bool] | None = None


class CallQueue:
    """Runs calls on the current event loop, ``limit`` at once, each key no more than its cap.

    Keys take turns, so that one slow tool with a long queue does not hold up the others. All
    methods belong to the loop's thread.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: OrderedDict[str, deque[Call]] = OrderedDict()
        self._running: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.in_flight = 0

    def put(self, call: Call) -> None:
        """Start the call, or queue it while there is no room."""
        if not self._waiting and self._has_room(call):
            self._start(call)
            return
        self._waiting.setdefault(call.key, deque()).append(call)
        self._fill()

    def queued(self) -> int:
        """Return how many calls wait for room; from any thread."""
        return sum(map(len, tuple(self._waiting.values())))

    def drop_waiting(self) -> None:
        """Forget the calls that were not started."""
        self._waiting.clear()

    async def idle(self, timeout_s: float) -> bool:
        """Wait until nothing is in flight or queued; False if time ran out first."""
        loop = asyncio.get_running_loop()
        due = loop.time() + timeout_s
        while self._tasks:
            left = due - loop.time()
            if left <= 0:
                return False
            await asyncio.wait(self._tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        return True

    async def cancel(self) -> None:
        """Cancel what is in flight and wait until it has ended."""
        self.drop_waiting()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _has_room(self, call: Call) -> bool:
        if self.in_flight >= self._limit:
            return False
        return call.cap is None or self._running.get(call.key, 0) < call.cap

    def _start(self, call: Call) -> None:
        self.in_flight += 1
        self._running[call.key] = self._running.get(call.key, 0) + 1
        task = asyncio.create_task(call.run())
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._ended(call.key, done))

    def _ended(self, key: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.in_flight -= 1
        self._running[key] -= 1
        if not self._running[key]:
            del self._running[key]
        self._fill()

    def _fill(self) -> None:
        started = True
        while started and self._waiting and self.in_flight < self._limit:
            started = False
            for key in list(self._waiting):
                started = self._start_next_of(key) or started

    def _start_next_of(self, key: str) -> bool:
        queue = self._waiting[key]
        while queue and (wanted := queue[0].wanted) is not None and not wanted():
            queue.popleft()
        call = queue.popleft() if queue and self._has_room(queue[0]) else None
        if not queue:
            del self._waiting[key]
        if call is None:
            return False
        if queue:
            self._waiting.move_to_end(key)
        self._start(call)
        return True
