"""What the tests of claims share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from tests.tool.claims.owners import InMemory, InPostgres, Owners, Play, Script


@pytest.fixture(
    params=["memory", pytest.param("postgres", marks=pytest.mark.integration)],
)
def play(request: pytest.FixtureRequest) -> Play:
    """Plays a script with owners of each kind of store."""
    url = request.getfixturevalue("database_url") if request.param == "postgres" else ""

    @asynccontextmanager
    async def owners() -> AsyncIterator[Owners]:
        async with AsyncExitStack() as opened:
            yield InPostgres(url, opened) if url else InMemory()

    async def run(script: Script) -> None:
        async with owners() as every:
            await script(every)

    return lambda script: asyncio.run(run(script))
