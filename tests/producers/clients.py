"""The two clients that the contract is run on; the asyncio one is driven on a loop of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from runfold.producers.client import AsyncRunClient, RunClient


class Driven:
    """An AsyncRunClient with the methods of a RunClient."""

    def __init__(self, client: AsyncRunClient, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(*given: Any, **named: Any) -> Any:
            return self._result(method(*given, **named))

        return call

    def events(self, run_id: str, **named: Any) -> Iterator[Any]:
        found = self._client.events(run_id, **named)
        while (event := self._result(anext(found, None))) is not None:
            yield event

    def _result(self, awaited: Any) -> Any:
        async def wait() -> Any:
            return await awaited

        return asyncio.run_coroutine_threadsafe(wait(), self._loop).result(60)


@contextmanager
def driven(client: AsyncRunClient) -> Iterator[RunClient]:
    """Drive a client from this thread, on a loop that ends with the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield cast("RunClient", Driven(client, loop))
    finally:
        asyncio.run_coroutine_threadsafe(client.close(), loop).result(60)
        asyncio.run_coroutine_threadsafe(loop.shutdown_asyncgens(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
