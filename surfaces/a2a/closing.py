"""Generators that are left early are closed at once, and not when somebody collects them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")


@asynccontextmanager
async def closed(coming: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Yield what is iterated over within the block, and close it after that."""
    try:
        yield coming
    finally:
        close = getattr(coming, "aclose", None)
        if close is not None:
            await close()
