"""Owners of claims that share one store, in memory or in Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Protocol

from runfold.events.contents.content import json_content
from runfold.processors.tool.claims.memory import ClaimTable, MemoryClaims
from runfold.processors.tool.claims.port import ClaimRequest, Claims, Held, Verdict
from runfold.processors.tool.claims.postgres import PostgresClaims

REQUEST = ClaimRequest(
    tool="refund",
    tool_version="1",
    idempotency_key="k",
    tenant_id="acme",
    run_id="r",
    call_id="r.1",
    attempt=1,
    arguments_digest=b"a",
    safe_to_repeat=False,
)
RESULT = json_content({"paid": "9.99"})


class Owners(Protocol):
    """Owners that share one store; a dead one stops showing signs of life."""

    async def add(self) -> Claims: ...

    async def kill(self, owner: Claims) -> None: ...


class InMemory:
    """Owners of one table."""

    def __init__(self) -> None:
        self._table = ClaimTable()

    async def add(self) -> Claims:
        return MemoryClaims(self._table)

    async def kill(self, owner: Claims) -> None:
        assert isinstance(owner, MemoryClaims)
        owner.die()


class InPostgres:
    """Owners with one database, each on a connection of its own."""

    def __init__(self, url: str, opened: AsyncExitStack) -> None:
        self._url = url
        self._opened = opened

    async def add(self) -> Claims:
        return await self._opened.enter_async_context(PostgresClaims(self._url))

    async def kill(self, owner: Claims) -> None:
        assert isinstance(owner, PostgresClaims)
        assert owner._renewal is not None
        owner._renewal.cancel()
        # As if the lease had run out.
        await owner._connection.rows(
            "UPDATE tool_claim_owners SET lives_until = now() WHERE owner = %s RETURNING owner",
            (owner._owner,),
        )


Script = Callable[[Owners], Awaitable[None]]
Play = Callable[[Script], None]


async def taken(owner: Claims, wanted: ClaimRequest = REQUEST) -> Held:
    """Take a claim that is free."""
    told = await owner.claim(wanted)
    assert told.verdict is Verdict.RUN
    assert told.held is not None
    return told.held


async def verdict_after_a_renewal(claims: Claims, wanted: ClaimRequest = REQUEST) -> Verdict:
    """Return what is told once an end that was owed is paid."""
    for _ in range(400):
        told = await claims.claim(wanted)
        if told.verdict is not Verdict.BUSY:
            break
        await asyncio.sleep(0.02)
    return told.verdict
