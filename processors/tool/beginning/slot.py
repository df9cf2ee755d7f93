"""A slot of a tool whose executions are bounded across processes [97]."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from runfold.events.calls import ToolWork
from runfold.events.definitions import ToolContract
from runfold.processors.effects.admission import Admission
from runfold.processors.tool.beginning.identity import Identity
from runfold.processors.tool.claims.claimed import CLAIMS_AWAY
from runfold.processors.tool.claims.slots import Slot, SlotRequest, Slots
from runfold.processors.tool.errors import (
    ClaimsUnavailableError,
    NotYetError,
    ToolRefusedError,
)

AT_CAPACITY = "at_capacity"
"""What a call waits for whose tool has no slot free."""

_PAUSE_S = 0.2
_RETRY_MS = 1_000


class Places:
    """Gives calls the slots that their contracts ask for; ``slots`` None refuses those calls."""

    def __init__(self, slots: Slots | None) -> None:
        self._slots = slots

    @asynccontextmanager
    async def one(
        self,
        work: ToolWork,
        contract: ToolContract,
        which: Identity,
        patience_ms: int,
        store: Admission | None = None,
    ) -> AsyncIterator[None]:
        """Hold a slot for the block, where the tool has a bound across processes.

        Waits for so long at most. ``store`` is told whether the store of slots answers. Raises
        NotYetError where none is free or the store is away, ToolRefusedError where there is none.
        """
        most = contract.max_concurrency_total
        if most is None:
            yield
            return
        if self._slots is None:
            raise ToolRefusedError(
                f"{contract.name} has a bound across processes, and this process keeps none.",
                error_type="unavailable",
                suggested_next_action="Place the tool in a pool, and give that DATABASE_URL.",
            )
        wanted = SlotRequest(which.owner or "", which.name, most, work.run_id, work.call_id)
        try:
            slot = await _waited_for(self._slots, wanted, patience_ms / 1000)
        except ClaimsUnavailableError as away:
            if store is not None:
                store.failed()
            raise NotYetError(CLAIMS_AWAY, str(away)) from away
        try:
            yield
        finally:
            self._slots.give_back(slot)


async def _waited_for(slots: Slots, wanted: SlotRequest, patience_s: float) -> Slot:
    loop = asyncio.get_running_loop()
    due = loop.time() + patience_s
    while (slot := await slots.take(wanted)) is None:
        # Other processes do not say when they give one back. Not all look at once.
        pause = _PAUSE_S * (0.5 + random.random())  # noqa: S311
        if loop.time() + pause > due:
            raise NotYetError(
                AT_CAPACITY,
                f"{wanted.tool} is executed {wanted.most} times at once already, in all processes.",
                error_type=AT_CAPACITY,
                retry_after_ms=_RETRY_MS,
            )
        await asyncio.sleep(pause)
    return slot
