"""How long a call waits for its tool to be there: no longer than it may run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from runfold.processors.tool.errors import NotYetError


@asynccontextmanager
async def waiting(tool: str, timeout_ms: int) -> AsyncIterator[None]:
    """Wait for what the block waits for; raises NotYetError when the time is over."""
    limit = asyncio.timeout(timeout_ms / 1000)
    try:
        async with limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        raise NotYetError(
            "not_ready",
            f"{tool} was not ready within {timeout_ms} ms: its module is still being imported, "
            "or has no process for another call.",
        ) from None
