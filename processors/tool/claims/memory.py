"""Claims in memory, for tests and for tools that nobody shares."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace

from runfold.events.contents.content import Content
from runfold.processors.tool.claims.port import (
    Claim,
    ClaimRequest,
    ClaimState,
    Held,
    Told,
    Verdict,
    judge,
)
from runfold.processors.tool.claims.slots import Slot, SlotRequest
from runfold.processors.tool.claims.turns import Offer, TurnRequest


class ClaimTable:
    """What several owners share: the claims, and who lives."""

    def __init__(self) -> None:
        self.claims: dict[tuple[str, str], Claim] = {}
        self.owners: dict[tuple[str, str], MemoryClaims] = {}
        self.slots: dict[tuple[str, str, int], tuple[MemoryClaims, Slot]] = {}
        self.turns: dict[tuple[str, str], float] = {}


class MemoryClaims:
    """One owner's view of a table; ``die`` is what a crash does to it."""

    def __init__(self, table: ClaimTable | None = None) -> None:
        self._table = table or ClaimTable()
        self.lives = True
        self.slots = MemorySlots(self, self._table)
        self.turns = MemoryTurns(self._table)

    def die(self) -> None:
        """Leave every started claim to its fate."""
        self.lives = False

    async def claim(self, wanted: ClaimRequest) -> Told:
        """Take the claim, or say why not."""
        key = (wanted.tool, wanted.idempotency_key)
        known = self._table.claims.get(key)
        if known is not None:
            lives = self._table.owners[key].lives
            verdict = judge(known, wanted, owner_lives=lives)
            if verdict is not Verdict.RUN:
                return Told(verdict, result=known.result)
        token = secrets.token_hex(16)
        self._table.owners[key] = self
        self._table.claims[key] = Claim(
            wanted.tenant_id, wanted.attempt, wanted.arguments_digest, ClaimState.STARTED, token
        )
        return Told(Verdict.RUN, Held(*key, token))

    async def finish(self, held: Held, result: Content) -> None:
        """Store the result."""
        self._end(held, ClaimState.FINISHED, result)

    async def release(self, held: Held) -> None:
        """Let the claim go."""
        self._end(held, ClaimState.RELEASED)

    async def doubt(self, held: Held) -> None:
        """Note that nobody knows what happened."""
        self._end(held, ClaimState.UNCERTAIN)

    def abandon(self, held: Held) -> None:
        """Note that nobody knows what happened."""
        self._end(held, ClaimState.UNCERTAIN)

    def _end(self, held: Held, state: ClaimState, result: Content | None = None) -> None:
        key = (held.tool, held.idempotency_key)
        known = self._table.claims[key]
        if known.token == held.token:
            self._table.claims[key] = replace(known, state=state, result=result)


class MemorySlots:
    """The slots of one owner in a table."""

    def __init__(self, owner: MemoryClaims, table: ClaimTable) -> None:
        self._owner = owner
        self._table = table

    async def take(self, wanted: SlotRequest) -> Slot | None:
        """Take a free slot, or that of an owner that is dead."""
        slot = Slot(wanted.tenant, wanted.tool, secrets.token_hex(16))
        for number in range(1, wanted.most + 1):
            key = (wanted.tenant, wanted.tool, number)
            holder = self._table.slots.get(key)
            if holder is None or not holder[0].lives:
                self._table.slots[key] = (self._owner, slot)
                return slot
        return None

    def give_back(self, slot: Slot) -> None:
        """Let a slot go."""
        for key, (_, held) in tuple(self._table.slots.items()):
            if held == slot:
                del self._table.slots[key]


class MemoryTurns:
    """The turns of a table."""

    def __init__(self, table: ClaimTable) -> None:
        self._table = table

    async def take(self, wanted: TurnRequest) -> Offer:
        """Take the next turn, where it is near enough."""
        key, now = (wanted.tenant, wanted.tool), time.monotonic()
        at = max(now, self._table.turns.get(key, now))
        if at - now > wanted.longest_s:
            return Offer(at - now, taken=False)
        self._table.turns[key] = at + wanted.each_s
        return Offer(at - now, taken=True)
