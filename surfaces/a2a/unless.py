"""What comes, unless something else is over first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, TypeVar

from runfold.surfaces.http.access.standing import over

T = TypeVar("T")

_END: Any = object()


async def unless_over(
    coming: AsyncIterator[T], ended: asyncio.Future[None] | None
) -> AsyncIterator[T]:
    """Yield what comes; raises Problem as soon as the credential that it is for is over."""
    if ended is None:
        async for each in coming:
            yield each
        return
    while True:
        step = asyncio.ensure_future(_next(coming))
        either: set[asyncio.Future[Any]] = {step, ended}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise over()
            found = step.result()
        finally:
            if not step.done():
                step.cancel()
                with suppress(asyncio.CancelledError):
                    await step
        if found is _END:
            return
        yield found


async def _next(coming: AsyncIterator[T]) -> T:
    return await anext(coming, _END)
