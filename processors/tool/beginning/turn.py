"""A turn of a tool whose executions a minute are bounded across processes [97]."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from runfold.events.calls import ToolWork
from runfold.events.definitions import ToolContract
from runfold.processors.effects.admission import Admission
from runfold.processors.tool.beginning.identity import Identity
from runfold.processors.tool.beginning.rate_limit import longest_wait_s, rate_limited
from runfold.processors.tool.claims.claimed import CLAIMS_AWAY
from runfold.processors.tool.claims.turns import TurnRequest, Turns
from runfold.processors.tool.errors import (
    ClaimsUnavailableError,
    NotYetError,
    ToolRefusedError,
)


class SharedRate:
    """Lets calls wait for the turns that their contracts ask for; without a store it refuses."""

    def __init__(
        self, turns: Turns | None, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._turns = turns
        self._sleep = sleep

    async def wait(
        self,
        work: ToolWork,
        contract: ToolContract,
        which: Identity,
        store: Admission | None = None,
    ) -> None:
        """Wait for the call's turn, where the tool has a rate across processes.

        ``store`` is told whether the store of turns answers. Raises NotYetError where the turn is
        too far off or the store is away, ToolRefusedError where there is none.
        """
        rate = contract.max_per_minute_total
        if rate is None:
            return
        if self._turns is None:
            raise ToolRefusedError(
                f"{contract.name} has a rate across processes, and this process keeps none.",
                error_type="unavailable",
                suggested_next_action="Place the tool in a pool, and give that DATABASE_URL.",
            )
        longest_s = longest_wait_s(work.timeout_ms)
        wanted = TurnRequest(which.owner or "", which.name, 60 / rate, longest_s)
        try:
            offer = await self._turns.take(wanted)
        except ClaimsUnavailableError as away:
            if store is not None:
                store.failed()
            raise NotYetError(CLAIMS_AWAY, str(away)) from away
        if not offer.taken:
            raise rate_limited(contract.name, f"{rate} times a minute by all", offer.wait_s)
        if offer.wait_s > 0:
            await self._sleep(offer.wait_s)
