"""Turns: when each call of a tool may begin that all processes together begin so many of a minute.

The database's clock says when. A turn that its call does not use is lost: fewer calls are made
then, never more.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from typing import NamedTuple, Protocol

import psycopg

from runfold.processors.tool.claims.slots import Asking
from runfold.processors.tool.claims.turn_statements import LOOK_AT_TURNS, TAKE_TURN
from runfold.processors.tool.errors import ToolRefusedError


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """A call that needs a turn of a tool: one each ``each_s`` seconds, ``longest_s`` off at most.

    ``tenant`` is whose definition the tool is, empty where it is for all.
    """

    tenant: str
    tool: str
    each_s: float
    longest_s: float


class Offer(NamedTuple):
    """How far off a turn is, in seconds, and whether it was ``taken``, being near enough."""

    wait_s: float
    taken: bool


class Turns(Protocol):
    """The store of turns."""

    async def take(self, wanted: TurnRequest) -> Offer:
        """Take the next turn, where it is near enough; raises ClaimsUnavailableError."""
        ...


class PostgresTurns:
    """The turns in a database, asked for by the connection of claims."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    async def take(self, wanted: TurnRequest) -> Offer:
        """Take the next turn, where it is near enough; also raises ToolRefusedError."""
        want = {**asdict(wanted), "token": secrets.token_hex(16)}
        try:
            while (row := await self._asking.ask(TAKE_TURN, want)) is None:
                looked = await self._asking.ask(LOOK_AT_TURNS, want)
                if looked is not None and looked[0] is not None and looked[0] > wanted.longest_s:
                    return Offer(looked[0], taken=False)
        except psycopg.Error as refusal:
            raise ToolRefusedError(
                "No turn can be taken for this call: the database refuses what names it"
                f" ({type(refusal).__name__}).",
                error_type="claim_refused",
            ) from refusal
        return Offer(max(0.0, row[0]), taken=True)
