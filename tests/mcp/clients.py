"""The SDK's own client, as a foreign client of the server: over HTTP and over stdio."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, ElicitResult

ERAS = ("legacy", "2026-07-28")
"""How a client begins: with a session, and as each request stands alone."""

Elicit = Callable[[Any, Any], Awaitable[ElicitResult]]


@asynccontextmanager
async def over_http(
    url: str, key: str, era: str = "legacy", elicit: Elicit | None = None, **more: Any
) -> AsyncIterator[Client]:
    """Connect to a gateway's endpoint with a key."""
    headers = {"authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False) as http:
        transport = streamable_http_client(f"{url}/mcp", http_client=http)
        async with Client(transport, mode=era, elicitation_callback=elicit, **more) as client:
            yield client


@asynccontextmanager
async def over_stdio(
    words: list[str], env: dict[str, str], era: str = "legacy", elicit: Elicit | None = None
) -> AsyncIterator[Client]:
    """Start `runfold mcp` and connect to it."""
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "runfold.surfaces.cli", "mcp", *words],
        env={**os.environ, **env},
        cwd=Path(__file__).parents[2],
    )
    async with Client(server, mode=era, elicitation_callback=elicit) as client:
        yield client


def saying(**content: Any) -> tuple[Elicit, list[str]]:
    """Return a person who fills every form so, and the messages that they were shown."""
    shown: list[str] = []

    async def said(ctx: Any, params: Any) -> ElicitResult:
        await asyncio.sleep(0)
        shown.append(params.message)
        return ElicitResult(action="accept", content=content)

    return said, shown


async def refusing(ctx: Any, params: Any) -> ElicitResult:
    """Be a person who decides nothing."""
    await asyncio.sleep(0)
    return ElicitResult(action="decline")


def held(result: CallToolResult) -> dict[str, Any]:
    """Return the structured content of a result that is no error."""
    assert not result.is_error, result.content
    assert isinstance(result.structured_content, dict)
    return result.structured_content


def words(result: CallToolResult) -> str:
    """Return the text of a result."""
    return "\n".join(getattr(each, "text", "") for each in result.content)
