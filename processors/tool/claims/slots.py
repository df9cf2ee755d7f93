"""Slots: the numbered places of a tool that all processes together have no more of.

Slot 1 to ``most`` of a tool are one row each while they are taken. Whoever takes one holds it until
it is given back, or until its owner's lease has run out: then another takes it over. An owner that
was cut off from the store for longer than its lease may still be running what it took a slot for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg
from psycopg.rows import TupleRow

from runfold.processors.tool.claims.leases import Leases
from runfold.processors.tool.claims.request_batcher import RequestBatcher
from runfold.processors.tool.claims.slot_statements import GIVE_BACK, LEAVE, LOOK, TAKE, TAKE_OVER
from runfold.processors.tool.claims.statements import Statement, Want
from runfold.processors.tool.errors import ClaimsUnavailableError, ToolRefusedError

log = logging.getLogger(__name__)

Asking = RequestBatcher[Statement, Want, TupleRow | None]


@dataclass(frozen=True, slots=True)
class SlotRequest:
    """A call that needs one of the first ``most`` slots of a tool.

    ``tenant`` is whose definition the tool is, empty where it is for all.
    """

    tenant: str
    tool: str
    most: int
    run_id: str
    call_id: str


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot that is taken; ``token`` names the one call that holds it."""

    tenant: str
    tool: str
    token: str


class Slots(Protocol):
    """The store of slots, as one owner uses it."""

    async def take(self, wanted: SlotRequest) -> Slot | None:
        """Take a slot, None where none is free; raises ClaimsUnavailableError."""
        ...

    def give_back(self, slot: Slot) -> None:
        """Let a slot go, without waiting for the store; if that is away it is owed."""
        ...


class PostgresSlots:
    """The slots of one owner of claims, whose lease and connection they share."""

    def __init__(self, owner: str, leases: Leases, asking: Asking) -> None:
        self._owner = owner
        self._leases = leases
        self._asking = asking
        self._owed: set[Slot] = set()
        self._giving: set[asyncio.Task[None]] = set()

    async def take(self, wanted: SlotRequest) -> Slot | None:
        """Take a free slot, or that of an owner that is dead."""
        slot = Slot(wanted.tenant, wanted.tool, secrets.token_hex(16))
        new = _named(slot) | {
            "most": wanted.most,
            "run_id": wanted.run_id,
            "call_id": wanted.call_id,
            "owner": self._owner,
        }
        try:
            if await self._asking.ask(TAKE, new) is not None:
                return slot
            asked = self._leases.elapsed()
            row = await self._asking.ask(LOOK, new)
            holders, now = row if row is not None else ([], None)
            if now is not None:
                self._leases.read(now, asked)
            for number, token, owner, lives_until in holders:
                # The answer to an earlier try of this very statement may have been lost.
                if token == slot.token:
                    return slot
                if self._leases.lives(owner, lives_until, now):
                    continue
                over = new | {"number": number, "judged": token}
                if await self._asking.ask(TAKE_OVER, over) is not None:
                    return slot
        except (ClaimsUnavailableError, asyncio.CancelledError):
            # The row may be ours all the same, and nobody will work under it.
            self._owed.add(slot)
            raise
        except psycopg.Error as refusal:
            raise ToolRefusedError(
                "No slot can be taken for this call: the database refuses what names it"
                f" ({type(refusal).__name__}).",
                error_type="claim_refused",
            ) from refusal
        return None

    def give_back(self, slot: Slot) -> None:
        """Let a slot go at once, or with the next renewal of the lease."""
        self._owed.add(slot)
        giving = asyncio.create_task(self._given_back(slot))
        self._giving.add(giving)
        giving.add_done_callback(self._giving.discard)

    async def pay(self) -> None:
        """Give back what is owed; raises ClaimsUnavailableError."""
        await asyncio.gather(*(self._pay_one(slot) for slot in tuple(self._owed)))

    async def close(self) -> None:
        """Release everything; what is not released goes with the owner's lease."""
        await asyncio.gather(*self._giving, return_exceptions=True)
        with contextlib.suppress(ClaimsUnavailableError):
            await self._asking.ask(LEAVE, {"owner": self._owner})

    async def _given_back(self, slot: Slot) -> None:
        try:
            await self._pay_one(slot)
        except ClaimsUnavailableError as away:
            log.warning("a slot of %s is not given back yet: %s", slot.tool, away)

    async def _pay_one(self, slot: Slot) -> None:
        await self._asking.ask(GIVE_BACK, _named(slot))
        self._owed.discard(slot)


def _named(slot: Slot) -> dict[str, Any]:
    return {"tenant": slot.tenant, "tool": slot.tool, "token": slot.token}
