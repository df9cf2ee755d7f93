"""How often a tool may be called: a contract's rate limit, kept by each process [97]."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from runfold.events.definitions import ToolContract
from runfold.processors.tool.errors import NotYetError

_LONGEST_WAIT_S = 10.0
_MOST_KEPT = 1000


def longest_wait_s(timeout_ms: int) -> float:
    """Return for how long a call of this time-out waits for its turn."""
    return min(timeout_ms / 2000, _LONGEST_WAIT_S)


def rate_limited(tool: str, often: str, wait_s: float) -> NotYetError:
    """Return that a tool's next turn is too far off."""
    return NotYetError(
        "rate_limited",
        f"{tool} may be called {often}, and its turns of the next {wait_s:.0f} s are taken.",
        error_type="rate_limited",
        retry_after_ms=int(wait_s * 1000),
    )


@dataclass(slots=True)
class Turn:
    """Leave to run a tool once; one that is not ``used`` is somebody else's."""

    taken: bool = False

    def used(self) -> None:
        """Note that the tool runs."""
        self.taken = True


@dataclass(slots=True)
class _Line:
    """When the next turn is, and those before it that were given back."""

    next: float
    free: list[float] = field(default_factory=list)


class RateLimit:
    """Gives each call of a tool its turn, evenly spaced by its contract's ``max_per_minute``.

    A turn is a piece of time in which one call begins. One that is further off than half the call's
    time-out, or than ten seconds, is refused as retryable, so that the run waits for it and not a
    place among the calls in flight.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lines: dict[Hashable, _Line] = {}

    @asynccontextmanager
    async def turn(
        self, key: Hashable, contract: ToolContract, timeout_ms: int
    ) -> AsyncIterator[Turn]:
        """Wait for the next turn of a key; given back at the end of the block, unless used.

        Raises NotYetError where it is too far off.
        """
        turn = Turn()
        if contract.max_per_minute is None:
            yield turn
            return
        line, at = self._took(key, contract, 60 / contract.max_per_minute, timeout_ms)
        try:
            if (wait := at - self._clock()) > 0:
                await self._sleep(wait)
            yield turn
        finally:
            if not turn.taken:
                heapq.heappush(line.free, at)

    def _took(
        self, key: Hashable, contract: ToolContract, each_s: float, timeout_ms: int
    ) -> tuple[_Line, float]:
        now = self._clock()
        if key not in self._lines:
            self._forget_old(now)
        line = self._lines.setdefault(key, _Line(now))
        while line.free and line.free[0] + each_s <= now:
            heapq.heappop(line.free)
        at = max(now, line.free[0] if line.free else line.next)
        wait = at - now
        if wait > longest_wait_s(timeout_ms):
            raise rate_limited(contract.name, f"{contract.max_per_minute} times a minute", wait)
        if line.free:
            return line, heapq.heappop(line.free)
        line.next = at + each_s
        return line, at

    def _forget_old(self, now: float) -> None:
        """Forget tools whose next turn is there for whoever comes, once there are many."""
        if len(self._lines) >= _MOST_KEPT:
            self._lines = {key: line for key, line in self._lines.items() if line.next > now}
