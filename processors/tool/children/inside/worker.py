"""A worker: serves one call at a time, so that its end is the end of that call and no other."""

from __future__ import annotations

import asyncio
import contextvars
import faulthandler
import inspect
import os
import sys
import typing
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from runfold.processors.tool.children.calls import Asked, asked
from runfold.processors.tool.children.frames import Frame, FrameError
from runfold.processors.tool.children.inside.artifacts import ParentArtifacts
from runfold.processors.tool.children.inside.channel import Channel, ClosedError
from runfold.processors.tool.children.inside.module import Tools
from runfold.processors.tool.children.inside.outcomes import raised, returned
from runfold.processors.tool.children.inside.restoring import Restoring
from runfold.processors.tool.children.inside.threads import LoopThreads
from runfold.processors.tool.context import ToolContext
from runfold.processors.tool.python.tools import prepared, reconciling_function

_LEFT_S = 1.0


class Worker:
    """Makes the calls that the parent sends, until it sends no more or a call spoilt the process.

    Blocking tools run on the main thread. Asynchronous ones run on an event loop that lives as
    long as the worker, so that what a module keeps for its loop stays usable.
    """

    def __init__(self, tools: Tools, channel: Channel, memory_bytes: int) -> None:
        self._tools = tools
        self._channel = channel
        self._threads = LoopThreads()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tidy = True
        # A copy that a tool makes of this process must not speak for it.
        os.register_at_fork(after_in_child=channel.close)
        faulthandler.enable(sys.stderr)
        self._before = Restoring(memory_bytes)

    def serve(self) -> None:
        """Make calls; return when this process is needed no more."""
        with suppress(ClosedError, FrameError):
            while True:
                answer = self._answer(self._channel.receive())
                lasts = self._before.restored() and self._tidy and not self._threads.left()
                answer.head["spent"] = not lasts
                self._channel.send(answer)
                if not lasts:
                    return

    def _answer(self, frame: Frame) -> Frame:
        try:
            call = asked(frame, ParentArtifacts(self._channel))
            # What a tool sets in its context, such as the precision of decimals, ends with it.
            return returned(contextvars.copy_context().run(self._made, call))
        except MemoryError as error:
            self._tidy = False
            return raised(error)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is this call's
            return raised(error)

    def _made(self, call: Asked) -> object:
        self._before.begin()
        function = self._tools.function(call.function)
        if call.reconciles:
            function = reconciling_function(function)
            given = _contexts(function, call.context)
            return str(self._run(function, (call.context.idempotency_key,), given))
        return self._run(function, (), prepared(function, call.arguments, call.context))

    def _run(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]
    ) -> object:
        if not inspect.iscoroutinefunction(function):
            return function(*arguments, **named)
        return self._awaited(function(*arguments, **named))

    def _awaited(self, work: Coroutine[Any, Any, object]) -> object:
        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.new_event_loop()
            self._loop.set_default_executor(self._threads)
            asyncio.set_event_loop(self._loop)
        try:
            return self._loop.run_until_complete(work)
        except (SystemExit, KeyboardInterrupt):
            # They leave the loop wherever they are raised, also from a task beside the tool's.
            self._tidy = False
            raise
        finally:
            self._tidy = self._nothing_left() and self._tidy

    def _nothing_left(self) -> bool:
        """Cancel what the call left on the loop; return whether that has ended."""
        assert self._loop is not None
        left = asyncio.all_tasks(self._loop)
        if not left:
            return True
        for task in left:
            task.cancel()
        try:
            self._loop.run_until_complete(asyncio.wait(left, timeout=_LEFT_S))
        except BaseException:  # noqa: BLE001 - the process is given up
            return False
        return all(task.done() for task in left)


def _contexts(function: Callable[..., Any], context: ToolContext) -> dict[str, Any]:
    hints = typing.get_type_hints(function)
    return {name: context for name, hint in hints.items() if hint is ToolContext}


def end(code: int) -> None:
    """End this process without the exit handlers and threads of the module."""
    with suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
