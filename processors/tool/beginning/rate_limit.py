"""How often a tool may be called: a contract's rate limit, kept by each process [97]."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from runfold.events.definitions import ToolContract
from runfold.processors.tool.errors import NotYetError

_LONGEST_WAIT_S = 10.0


class RateLimit:
    """Gives each call of a tool its turn, evenly spaced by its contract's ``max_per_minute``.

    A turn that is further off than half the call's time-out, or than ten seconds, is refused as
    retryable, so that the run waits for it and not a place among the calls in flight.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._next: dict[str, float] = {}

    async def turn(self, contract: ToolContract, timeout_ms: int) -> None:
        """Wait for the next turn; raises NotYetError where that is too far off."""
        if contract.max_per_minute is None:
            return
        now = self._clock()
        at = max(now, self._next.get(contract.name, now))
        wait = at - now
        if wait > min(timeout_ms / 2000, _LONGEST_WAIT_S):
            raise NotYetError(
                "rate_limited",
                f"{contract.name} may be called {contract.max_per_minute} times a minute, "
                f"and its turns of the next {wait:.0f} s are taken.",
                error_type="rate_limited",
                retry_after_ms=int(wait * 1000),
            )
        self._next[contract.name] = at + 60 / contract.max_per_minute
        if wait > 0:
            await self._sleep(wait)
