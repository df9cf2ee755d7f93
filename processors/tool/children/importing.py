"""The import of a module of tools: one at a time, whoever waits for it, and not again at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from runfold.processors.tool.children.nursery import Ready
from runfold.processors.tool.children.refusals import again, importing, unavailable
from runfold.processors.tool.errors import ToolRefusedError

_AGAIN_S = 5.0
_AGAIN_MOST_S = 300.0
_LONG_S = 10.0
_MOST_WAITING = 4


class Importing:
    """Imports a module by ``start`` when it is waited for, and keeps what came of it.

    The import goes on when those that wait for it give up. After ``_LONG_S`` only a few calls wait
    on; others are refused, so that they leave the places of a pool to other tools.
    """

    def __init__(self, module: str, start: Callable[[], Awaitable[Ready]]) -> None:
        self.ready: Ready | None = None
        self._module = module
        self._start = start
        self._task: asyncio.Task[Ready] | None = None
        self._since = 0.0
        self._waiting = 0
        self._failures = 0
        self._fault: tuple[float, ToolRefusedError] | None = None

    async def wait(self) -> Ready:
        """Return what was imported; raises ToolRefusedError where it failed, or takes long."""
        task = self._begun()
        self._waiting += 1
        try:
            patience = None if self._waiting <= _MOST_WAITING else self._left_s()
            done, _ = await asyncio.wait({task}, timeout=patience)
        finally:
            self._waiting -= 1
        if not done:
            raise importing(self._module)
        if task.cancelled():
            raise unavailable(self._module, "this process ends")
        try:
            return task.result()
        except ToolRefusedError as refusal:
            raise again(refusal) from None

    @property
    def fault(self) -> str:
        """Why the last import failed, "" where none did."""
        return self._fault[1].info.message if self._fault is not None else ""

    @property
    def waits(self) -> bool:
        """Whether the first import is under way, or has not begun."""
        return self.ready is None and self._fault is None

    def tried_again_in_s(self) -> float:
        """Return for how long a failed import is not tried again."""
        return max(0.0, self._fault[0] - time.monotonic()) if self._fault is not None else 0.0

    async def close(self) -> None:
        """Import no more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await self._task

    def _begun(self) -> asyncio.Task[Ready]:
        if self._task is None:
            if self._fault is not None and time.monotonic() < self._fault[0]:
                raise again(self._fault[1])
            self._since = time.monotonic()
            self._task = asyncio.create_task(self._imported())
            # What it raises is kept; perhaps nobody waits for it any more.
            self._task.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._task

    def _left_s(self) -> float:
        return max(0.0, self._since + _LONG_S - time.monotonic())

    async def _imported(self) -> Ready:
        try:
            self.ready = await self._start()
        except ToolRefusedError as refusal:
            self._failures += 1
            self._fault = (time.monotonic() + pause_s(self._failures), refusal)
            raise
        else:
            self._failures, self._fault = 0, None
            return self.ready
        finally:
            self._task = None


def pause_s(failures: int) -> float:
    """Return how long a module is left alone that failed so many times in a row."""
    return min(_AGAIN_S * 2.0 ** min(failures - 1, 10), _AGAIN_MOST_S)
