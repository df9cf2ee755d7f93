"""Claims in Postgres: one row a key, one lease an owner, times by the database's clock.

Calls that want something of the same kind while a statement is under way share the next one: one
transaction, one round trip, and an answer to each. What becomes of a claim is the same as if each
had come alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import time
from collections.abc import Sequence
from typing import Self

import psycopg
from psycopg.rows import TupleRow

from runfold.events.contents.content import Content
from runfold.processors.tool.claims.connection import ClaimConnection
from runfold.processors.tool.claims.leases import Leases
from runfold.processors.tool.claims.port import (
    Claim,
    ClaimRequest,
    ClaimState,
    Held,
    Told,
    Verdict,
    judge,
    state_before,
)
from runfold.processors.tool.claims.request_batcher import RequestBatcher
from runfold.processors.tool.claims.slots import PostgresSlots
from runfold.processors.tool.claims.statements import (
    END,
    HOLD,
    LEAVE,
    LOOK,
    RENEW,
    TAKE,
    TAKE_OVER,
    Statement,
    Want,
    hexed,
)
from runfold.processors.tool.claims.turns import PostgresTurns
from runfold.processors.tool.errors import ClaimsUnavailableError, ToolRefusedError

log = logging.getLogger(__name__)

_PAUSE_S = 0.5
_MOST_TOGETHER = 100


class PostgresClaims:
    """The claims of one owner: one connection, reopened when it breaks, one lease of ``lease_s``.

    Use as ``async with``: entering makes the tables and takes the lease, leaving gives it up. A
    database that is away is waited for ``wait_s`` long then.
    An end that could not be stored is owed, and paid with a later renewal: a claim that nobody
    works on must not be believed for as long as its owner lives. Where the database refuses what
    came of a call, it is owed that nobody knows. ``slots`` are those of the same owner, ``turns``
    those of tools.
    """

    def __init__(self, url: str, lease_s: float = 10.0, wait_s: float = 0.0) -> None:
        self._lease_s = lease_s
        self._wait_s = wait_s
        self._owner = secrets.token_hex(16)
        self._leases = Leases(lease_s)
        self._connection = ClaimConnection(url)
        self._gathering: RequestBatcher[Statement, Want, TupleRow | None] = RequestBatcher(
            self._serve, ClaimsUnavailableError, _MOST_TOGETHER
        )
        self.slots = PostgresSlots(self._owner, self._leases, self._gathering)
        self.turns = PostgresTurns(self._gathering)
        self._renewal: asyncio.Task[None] | None = None
        self._owed: dict[Held, Want] = {}

    async def __aenter__(self) -> Self:
        """Connect; raises ClaimsUnavailableError."""
        until = time.monotonic() + self._wait_s
        while True:
            try:
                await self._renew_once()
                break
            except ClaimsUnavailableError as error:
                if time.monotonic() >= until:
                    raise
                log.warning("waiting for the claims: %s", error)
                await asyncio.sleep(_PAUSE_S)
        self._renewal = asyncio.create_task(self._renew())
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Stop renewing: what is still started belongs to a dead owner from now on."""
        if self._renewal is not None:
            self._renewal.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._renewal
        await self.slots.close()
        with contextlib.suppress(ClaimsUnavailableError):
            await self._pay()
            await self._gathering.ask(LEAVE, {"owner": self._owner})
        await self._connection.close()

    async def claim(self, wanted: ClaimRequest) -> Told:
        """Take the claim, or say why not; raises ToolRefusedError where none can be stored."""
        held = Held(wanted.tool, wanted.idempotency_key, secrets.token_hex(16))
        new = {**_named(held), **_columns(wanted), "owner": self._owner}
        before = ClaimState.RELEASED
        try:
            while True:
                if await self._gathering.ask(TAKE, new) is not None:
                    return Told(Verdict.RUN, held)
                asked = self._leases.elapsed()
                row = await self._gathering.ask(LOOK, _named(held))
                if row is None:
                    continue
                claim, owner_lives = _read(row), self._owner_lives(row, asked)
                # The answer to an earlier try of this very statement may have been lost. What was
                # read may be lost with its server, what is written has reached the standby.
                if claim.token == held.token:
                    if await self._gathering.ask(HOLD, _named(held)) is not None:
                        return Told(Verdict.RUN, held)
                    continue
                verdict = judge(claim, wanted, owner_lives=owner_lives)
                if verdict is not Verdict.RUN:
                    return Told(verdict, result=claim.result)
                before = state_before(claim, wanted)
                judged = {"judged": claim.token, "judged_state": claim.state}
                await self._gathering.ask(TAKE_OVER, {**new, **judged})
        except (ClaimsUnavailableError, asyncio.CancelledError):
            # The row may be ours all the same, and nobody will work on it.
            self._owed[held] = _ended(held, before)
            raise
        except psycopg.Error as refusal:
            raise ToolRefusedError(
                f"This call cannot be claimed: the database refuses what names it"
                f" ({type(refusal).__name__}).",
                error_type="claim_refused",
            ) from refusal

    async def finish(self, held: Held, result: Content) -> None:
        """Store the result."""
        await self._end(held, _ended(held, ClaimState.FINISHED, result))

    async def release(self, held: Held) -> None:
        """Let the claim go."""
        await self._end(held, _ended(held, ClaimState.RELEASED))

    async def doubt(self, held: Held) -> None:
        """Note that nobody knows what happened."""
        await self._end(held, _ended(held, ClaimState.UNCERTAIN))

    def abandon(self, held: Held) -> None:
        """Note with the next renewal that nobody knows what happened."""
        self._owed.setdefault(held, _ended(held, ClaimState.UNCERTAIN))

    async def _end(self, held: Held, end: Want) -> None:
        self._owed[held] = end
        try:
            await self._gathering.ask(END, end)
        except psycopg.Error as refusal:
            # What came of it cannot be kept; that nobody knows can.
            self._owed[held] = _ended(held, ClaimState.UNCERTAIN)
            raise ClaimsUnavailableError(
                f"The database refuses the end of a claim: {refusal}"
            ) from refusal
        self._owed.pop(held, None)

    async def _pay(self) -> None:
        owed = tuple(self._owed.items())
        paid = await asyncio.gather(
            *(self._end(held, end) for held, end in owed), return_exceptions=True
        )
        for failure in paid:
            if failure is not None:
                raise failure

    async def _renew(self) -> None:
        lives_until = time.monotonic() + self._lease_s
        while True:
            await asyncio.sleep(self._lease_s / 4)
            try:
                asked = time.monotonic()
                await self._renew_once()
                self._tell_of_a_lapse(time.monotonic() - lives_until)
                lives_until = asked + self._lease_s
                await self._pay()
                await self.slots.pay()
            except (ClaimsUnavailableError, psycopg.Error) as error:
                log.warning("the lease could not be renewed: %s", error)

    async def _renew_once(self) -> None:
        asked = self._leases.elapsed()
        row = await self._gathering.ask(RENEW, {"owner": self._owner, "lease_s": self._lease_s})
        if row is not None:
            self._leases.read(row[0], asked)

    def _owner_lives(self, row: TupleRow, asked: float) -> bool:
        owner, lives_until, now = row[5:8]
        self._leases.read(now, asked)
        return self._leases.lives(owner, lives_until, now)

    def _tell_of_a_lapse(self, late_s: float) -> None:
        if late_s > 0:
            log.warning(
                "the lease had lapsed: others may have taken calls of this process for cut off",
                extra={"pid": os.getpid(), "seconds": round(late_s, 3)},
            )

    async def _serve(self, statement: Statement, wants: Sequence[Want]) -> list[TupleRow | None]:
        """Run one statement for a group of calls; raises ClaimsUnavailableError."""
        rows = await self._connection.rows(statement.query, statement.values(wants))
        return statement.answers(wants, rows)


def _named(held: Held) -> Want:
    return {
        "tool": held.tool,
        "idempotency_key": held.idempotency_key,
        "token": held.token,
    }


def _columns(wanted: ClaimRequest) -> Want:
    return {
        "tool_version": wanted.tool_version,
        "tenant_id": wanted.tenant_id,
        "run_id": wanted.run_id,
        "call_id": wanted.call_id,
        "attempt": wanted.attempt,
        "arguments_digest": hexed(wanted.arguments_digest),
    }


def _ended(held: Held, state: ClaimState, result: Content | None = None) -> Want:
    end = {**_named(held), "state": state}
    if result is None:
        return end
    return {
        **end,
        "media_type": result.media_type,
        "size": result.size,
        "digest": hexed(result.digest),
        "inline": hexed(result.inline),
        "ref": result.ref,
    }


def _read(row: TupleRow) -> Claim:
    tenant_id, attempt, arguments_digest, state, token, _owner, _until, _now, *result = row
    media_type, size, digest, inline, ref = result
    said = None
    if media_type is not None:
        said = Content(media_type=media_type, size=size, digest=digest, inline=inline, ref=ref)
    return Claim(tenant_id, attempt, arguments_digest, ClaimState(state), token, said)
