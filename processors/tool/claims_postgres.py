"""Claims in Postgres: one row a key, one lease an owner, all times by the database's clock."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import time
from typing import LiteralString, Self

import psycopg
from psycopg.rows import TupleRow

from events.content import Content
from processors.tool.claims import (
    Claim,
    ClaimRequest,
    ClaimState,
    Held,
    Told,
    Verdict,
    judge,
    state_before,
)
from processors.tool.errors import ClaimsUnavailableError

log = logging.getLogger(__name__)

_PAUSE_S = 0.5

Row = tuple[object, ...]

_TABLES: tuple[LiteralString, ...] = (
    """
    CREATE TABLE IF NOT EXISTS tool_claim_owners (
        owner text PRIMARY KEY,
        lives_until timestamptz NOT NULL
    )""",
    """
    CREATE TABLE IF NOT EXISTS tool_claims (
        tool text NOT NULL,
        idempotency_key text NOT NULL,
        tool_version text NOT NULL,
        tenant_id text NOT NULL,
        run_id text NOT NULL,
        call_id text NOT NULL,
        attempt integer NOT NULL,
        arguments_digest bytea NOT NULL,
        state text NOT NULL CHECK (state IN ('started', 'finished', 'released', 'uncertain')),
        owner text NOT NULL,
        token text NOT NULL,
        started_at timestamptz NOT NULL DEFAULT now(),
        ended_at timestamptz,
        result_media_type text,
        result_size bigint,
        result_digest bytea,
        result_inline bytea,
        result_ref text,
        UNIQUE (tool, idempotency_key)
    )""",
)

# Any number, as long as everybody who makes these tables takes the same.
_TABLES_LOCK = 7_031_978_205


async def ensure(connection: psycopg.AsyncConnection[TupleRow]) -> None:
    """Make the tables where they are missing; safe when several processes do it at once."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_TABLES_LOCK,))
        for table in _TABLES:
            await connection.execute(table)


class PostgresClaims:
    """The claims of one owner: one connection, reopened when it breaks, one lease of ``lease_s``.

    Use as ``async with``: entering makes the tables and takes the lease, leaving gives it up. A
    database that is away is waited for ``wait_s`` long then.
    An end that could not be stored is owed, and paid with a later renewal: a claim that nobody
    works on must not be believed for as long as its owner lives.
    """

    def __init__(self, url: str, lease_s: float = 10.0, wait_s: float = 0.0) -> None:
        self._url = url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._lease_s = lease_s
        self._wait_s = wait_s
        self._owner = secrets.token_hex(16)
        self._lock = asyncio.Lock()
        self._connection: psycopg.AsyncConnection[TupleRow] | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._owed: dict[Held, tuple[ClaimState, Row]] = {}

    async def __aenter__(self) -> Self:
        """Connect; raises ClaimsUnavailableError."""
        until = time.monotonic() + self._wait_s
        while True:
            try:
                await self._rows(_RENEW, (self._owner, self._lease_s))
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
        with contextlib.suppress(ClaimsUnavailableError):
            await self._pay()
            await self._rows("DELETE FROM tool_claim_owners WHERE owner = %s", (self._owner,))
        if self._connection is not None:
            await self._connection.close()

    async def claim(self, wanted: ClaimRequest) -> Told:
        """Take the claim, or say why not."""
        held = Held(wanted.tool, wanted.idempotency_key, secrets.token_hex(16))
        key = (held.tool, held.idempotency_key)
        new = (*key, *_columns(wanted), self._owner, held.token)
        before = ClaimState.RELEASED
        try:
            while True:
                if await self._rows(_TAKE, new):
                    return Told(Verdict.RUN, held)
                rows = await self._rows(_LOOK, key)
                if not rows:
                    continue
                claim, owner_lives = _read(rows[0])
                # The answer to an earlier try of this very statement may have been lost. What was
                # read may be lost with its server, what is written has reached the standby.
                if claim.token == held.token:
                    if await self._rows(_HOLD, (*key, held.token)):
                        return Told(Verdict.RUN, held)
                    continue
                verdict = judge(claim, wanted, owner_lives=owner_lives)
                if verdict is not Verdict.RUN:
                    return Told(verdict, result=claim.result)
                before = state_before(claim, wanted)
                again = (wanted.tool_version, wanted.attempt, self._owner, held.token, *key)
                await self._rows(_TAKE_OVER, (*again, claim.token, claim.state))
        except (ClaimsUnavailableError, asyncio.CancelledError):
            # The row may be ours all the same, and nobody will work on it.
            self._owed[held] = (before, _NO_RESULT)
            raise

    async def finish(self, held: Held, result: Content) -> None:
        """Store the result."""
        said = (result.media_type, result.size, result.digest, result.inline, result.ref)
        await self._end(held, ClaimState.FINISHED, said)

    async def release(self, held: Held) -> None:
        """Let the claim go."""
        await self._end(held, ClaimState.RELEASED, _NO_RESULT)

    async def doubt(self, held: Held) -> None:
        """Note that nobody knows what happened."""
        await self._end(held, ClaimState.UNCERTAIN, _NO_RESULT)

    def abandon(self, held: Held) -> None:
        """Note with the next renewal that nobody knows what happened."""
        self._owed.setdefault(held, (ClaimState.UNCERTAIN, _NO_RESULT))

    async def _end(self, held: Held, state: ClaimState, result: Row) -> None:
        self._owed[held] = (state, result)
        await self._rows(_END, (state, *result, held.tool, held.idempotency_key, held.token))
        self._owed.pop(held, None)

    async def _pay(self) -> None:
        for held, (state, result) in tuple(self._owed.items()):
            await self._end(held, state, result)

    async def _renew(self) -> None:
        lives_until = time.monotonic() + self._lease_s
        while True:
            await asyncio.sleep(self._lease_s / 4)
            try:
                asked = time.monotonic()
                await self._rows(_RENEW, (self._owner, self._lease_s))
                self._tell_of_a_lapse(time.monotonic() - lives_until)
                lives_until = asked + self._lease_s
                await self._pay()
            except ClaimsUnavailableError as error:
                log.warning("the lease could not be renewed: %s", error)

    def _tell_of_a_lapse(self, late_s: float) -> None:
        if late_s > 0:
            log.warning(
                "the lease had lapsed: others may have taken calls of this process for cut off",
                extra={"pid": os.getpid(), "seconds": round(late_s, 3)},
            )

    async def _rows(self, query: LiteralString, values: Row) -> list[TupleRow]:
        """Run one statement in a transaction of its own, again if the connection was broken."""
        async with self._lock:
            for last in (False, True):
                try:
                    connection = await self._connected()
                    cursor = await connection.execute(query, values)
                    return await cursor.fetchall() if cursor.description else []
                except psycopg.OperationalError as error:
                    await self._disconnect()
                    if last:
                        raise ClaimsUnavailableError(
                            "The database of claims does not answer: check DATABASE_URL and "
                            "that Postgres runs."
                        ) from error
        raise AssertionError("unreachable")

    async def _connected(self) -> psycopg.AsyncConnection[TupleRow]:
        if self._connection is None:
            connection = await psycopg.AsyncConnection.connect(
                self._url, autocommit=True, connect_timeout=5
            )
            await ensure(connection)
            self._connection = connection
        return self._connection

    async def _disconnect(self) -> None:
        if self._connection is not None:
            broken, self._connection = self._connection, None
            with contextlib.suppress(psycopg.Error):
                await broken.close()


_NO_RESULT: Row = (None,) * 5


def _columns(wanted: ClaimRequest) -> Row:
    return (
        wanted.tool_version,
        wanted.tenant_id,
        wanted.run_id,
        wanted.call_id,
        wanted.attempt,
        wanted.arguments_digest,
    )


def _read(row: TupleRow) -> tuple[Claim, bool]:
    tenant_id, attempt, arguments_digest, state, token, lives, *result = row
    media_type, size, digest, inline, ref = result
    said = None
    if media_type is not None:
        said = Content(media_type=media_type, size=size, digest=digest, inline=inline, ref=ref)
    claim = Claim(tenant_id, attempt, arguments_digest, ClaimState(state), token, said)
    return claim, lives


_TAKE: LiteralString = """
    INSERT INTO tool_claims (tool, idempotency_key, tool_version, tenant_id, run_id, call_id,
                             attempt, arguments_digest, owner, token, state)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'started')
    ON CONFLICT (tool, idempotency_key) DO NOTHING
    RETURNING true"""

_LOOK: LiteralString = """
    SELECT c.tenant_id, c.attempt, c.arguments_digest, c.state, c.token,
           coalesce(o.lives_until > now(), false),
           c.result_media_type, c.result_size, c.result_digest, c.result_inline, c.result_ref
    FROM tool_claims c LEFT JOIN tool_claim_owners o USING (owner)
    WHERE c.tool = %s AND c.idempotency_key = %s"""

# Whoever changes the row first has it: the token and state that were judged must still stand.
_TAKE_OVER: LiteralString = """
    UPDATE tool_claims
    SET tool_version = %s, attempt = %s, owner = %s, token = %s, state = 'started',
        started_at = now(), ended_at = NULL
    WHERE tool = %s AND idempotency_key = %s AND token = %s AND state = %s"""

_HOLD: LiteralString = """
    UPDATE tool_claims SET token = token
    WHERE tool = %s AND idempotency_key = %s AND token = %s
    RETURNING true"""

_END: LiteralString = """
    UPDATE tool_claims
    SET state = %s, ended_at = now(), result_media_type = %s, result_size = %s,
        result_digest = %s, result_inline = %s, result_ref = %s
    WHERE tool = %s AND idempotency_key = %s AND token = %s"""

_RENEW: LiteralString = """
    INSERT INTO tool_claim_owners (owner, lives_until)
    VALUES (%s, now() + make_interval(secs => %s))
    ON CONFLICT (owner) DO UPDATE SET lives_until = excluded.lives_until"""
