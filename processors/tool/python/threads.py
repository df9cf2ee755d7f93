"""Runs a blocking function in a thread that nobody has to wait for."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from runfold.processors.tool.errors import ToolRefusedError

P = ParamSpec("P")
T = TypeVar("T")

MAX_ABANDONED = 64
"""Threads whose caller gave up, in this process, before further calls are refused."""

_abandoned = 0


def _note(change: int) -> None:
    global _abandoned  # noqa: PLW0603  threads are the process's, not an object's
    _abandoned += change


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run the function in a daemon thread of its own and return its result.

    When the caller is cancelled, the thread is left behind: a tool that hangs takes neither a
    place in a pool of threads nor the end of the process. Too many of those, and the next call is
    refused before it begins.
    """
    if _abandoned >= MAX_ABANDONED:
        raise ToolRefusedError(
            f"{_abandoned} calls hang in this process.",
            error_type="unavailable",
            retryable=True,
            suggested_next_action="Restart the process, and mend the tool that hangs.",
        )
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[T] = loop.create_future()
    context = contextvars.copy_context()

    def settle(result: T | None, error: BaseException | None) -> None:
        if ended.cancelled():
            _note(-1)
        elif error is not None:
            ended.set_exception(error)
        else:
            ended.set_result(result)  # type: ignore[arg-type]

    def serve() -> None:
        result, error = None, None
        try:
            result = context.run(function, *args, **kwargs)
        except BaseException as raised:  # noqa: BLE001  it belongs to the caller
            # What is no ordinary exception would end the loop, or cannot travel through a future.
            ordinary = isinstance(raised, Exception) and not isinstance(raised, StopIteration)
            error = raised if ordinary else RuntimeError(f"{type(raised).__name__} in a tool")
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:
            # The loop is closed: the process is ending.
            return

    threading.Thread(target=serve, name="tool", daemon=True).start()
    try:
        return await ended
    except asyncio.CancelledError:
        if ended.cancelled():
            _note(1)
        raise
