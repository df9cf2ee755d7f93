"""A bounded number of calls in flight, and a fair queue of those that wait.

Every key (a tool, a model) has a bulkhead: a cap of its own, and a share of all places that it
cannot exceed, so that one slow thing leaves room for the others.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any

from runfold.processors.effects.pace import Pace
from runfold.processors.effects.turns import Turns
from runfold.processors.engine.ports import Wish

SHARE = 0.75
"""The share of the places that calls of one key may take."""


def always() -> Wish:
    """Return that a call may begin."""
    return Wish.BEGIN


def ignored() -> None:
    """Do nothing about a call that is dropped."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call to make, of a ``tenant`` and a ``run_id``: its bulkhead's ``key`` and ``cap``.

    ``wanted`` is asked when its turn comes; ``dropped`` is told where it says so. ``name`` is what
    it is called back by where it is to wait.
    """

    key: Hashable
    run: Callable[[], Coroutine[Any, Any, None]]
    cap: int | None = None
    wanted: Callable[[], Wish] = always
    dropped: Callable[[], None] = ignored
    tenant: str = ""
    run_id: str = ""
    name: Hashable = ""


class CallQueue:
    """Runs calls on the current event loop, ``limit`` at once, each key no more than its cap.

    Keys take turns, then tenants, then runs: one slow tool with a long queue does not hold up the
    others. ``share`` is what one key may take of ``limit``. Methods that say nothing else belong to
    the loop's thread.
    """

    def __init__(self, limit: int, share: float = SHARE) -> None:
        self._limit = limit
        self._most_of_key = max(1, math.ceil(limit * share))
        self._waiting: OrderedDict[Hashable, Turns[Call]] = OrderedDict()
        self._aside: dict[Hashable, Call] = {}
        self._aside_of: Counter[Hashable] = Counter()
        self._running: dict[Hashable, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._paces: dict[Hashable, Pace] = {}
        self._count = 0
        self.in_flight = 0

    def put(self, call: Call) -> None:
        """Start the call, or queue it while there is no room."""
        self._waiting.setdefault(call.key, Turns()).put(call.tenant, call.run_id, call)
        self._count += 1
        self._fill()

    def put_aside(self, call: Call) -> None:
        """Keep a call that is to wait until it is called back, or the queue is to look again."""
        self._aside[call.name] = call
        self._aside_of[call.key] += 1
        self._count += 1

    def call_back(self, name: Hashable) -> bool:
        """Give a call that was put aside the next turn of its key; False if it is not there."""
        call = self._aside.pop(name, None)
        if call is None:
            return False
        self._aside_of[call.key] -= 1
        self._waiting.setdefault(call.key, Turns()).put_first(call.tenant, call.run_id, call)
        self._waiting.move_to_end(call.key, last=False)
        self._fill()
        return True

    def take_aside(self, key: Hashable) -> Hashable | None:
        """Forget the call of a key that was put aside first; return its name, None for none."""
        call = next((call for call in self._aside.values() if call.key == key), None)
        if call is None:
            return None
        del self._aside[call.name]
        self._aside_of[key] -= 1
        self._count -= 1
        return call.name

    def look_again(self) -> None:
        """Ask again about the calls that were to wait."""
        aside, self._aside = self._aside, {}
        self._aside_of.clear()
        for call in aside.values():
            self._waiting.setdefault(call.key, Turns()).put(call.tenant, call.run_id, call)
        self._fill()

    def queued(self) -> int:
        """Return how many calls wait, for room or because they shall; from any thread."""
        return self._count

    def of_key(self, key: Hashable) -> tuple[int, int]:
        """Return how many calls of a key wait, and how many are in flight; from any thread."""
        waiting = len(self._waiting.get(key, ())) + self._aside_of[key]
        return waiting, self._running.get(key, 0)

    def pace(self, key: Hashable) -> Pace:
        """Return how fast the calls of a key go."""
        return self._paces.setdefault(key, Pace())

    def places(self, cap: int | None) -> int:
        """Return how many calls of a key with such a cap may be in flight."""
        return self._most_of_key if cap is None else max(1, min(cap, self._most_of_key))

    def drop_waiting(self) -> None:
        """Forget the calls that were not started."""
        self._waiting.clear()
        self._aside.clear()
        self._aside_of.clear()
        self._count = 0

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
        return self._running.get(call.key, 0) < self.places(call.cap)

    def _start(self, call: Call) -> None:
        self.in_flight += 1
        self._running[call.key] = self._running.get(call.key, 0) + 1
        task = asyncio.create_task(call.run())
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._ended(call.key, done))

    def _ended(self, key: Hashable, task: asyncio.Task[None]) -> None:
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

    def _start_next_of(self, key: Hashable) -> bool:
        turns = self._waiting[key]
        started = False
        while turns and not started and self._has_room(turns.first()):
            started = self._begun(turns.take())
        if not turns:
            del self._waiting[key]
        elif started:
            self._waiting.move_to_end(key)
        return started

    def _begun(self, call: Call) -> bool:
        match call.wanted():
            case Wish.BEGIN:
                self._count -= 1
                self._start(call)
                return True
            case Wish.WAIT:
                self._count -= 1
                self.put_aside(call)
            case Wish.DROP:
                self._count -= 1
                call.dropped()
        return False
