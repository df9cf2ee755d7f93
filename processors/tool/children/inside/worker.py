"""A worker: makes one call, and ends; so its end is the end of that call and of all it changed."""

from __future__ import annotations

import asyncio
import faulthandler
import inspect
import os
import sys
import typing
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from runfold.infra.process.frames import Frame, FrameError
from runfold.processors.tool.children.calls import Asked, asked
from runfold.processors.tool.children.inside.artifacts import ParentArtifacts
from runfold.processors.tool.children.inside.channel import Channel, ClosedError
from runfold.processors.tool.children.inside.module import Tools
from runfold.processors.tool.children.inside.outcomes import raised, returned
from runfold.processors.tool.context import ToolContext
from runfold.processors.tool.python.tools import prepared, reconciling_function


class Worker:
    """Makes the call that the parent sends: a blocking one, or one on an event loop of its own."""

    def __init__(self, tools: Tools, channel: Channel) -> None:
        self._tools = tools
        self._channel = channel
        # A copy that a tool makes of this process must not speak for it.
        os.register_at_fork(after_in_child=channel.close)
        faulthandler.enable(sys.stderr)

    def serve(self) -> None:
        """Make the call; return when this process is needed no more."""
        streams = (sys.stdout, sys.stderr)
        with suppress(ClosedError, FrameError):
            answer = self._answer(self._channel.receive())
            for stream in (*streams, sys.stdout, sys.stderr):
                # Whatever a tool put in their place.
                with suppress(Exception):
                    stream.flush()
            self._channel.send(answer)

    def _answer(self, frame: Frame) -> Frame:
        try:
            return returned(self._made(asked(frame, ParentArtifacts(self._channel))))
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is this call's
            return raised(error)

    def _made(self, call: Asked) -> object:
        function = self._tools.function(call.function)
        if call.reconciles:
            function = reconciling_function(function)
            given = _contexts(function, call.context)
            return str(_run(function, (call.context.idempotency_key,), given))
        return _run(function, (), prepared(function, call.arguments, call.context))


def _run(function: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]) -> object:
    if not inspect.iscoroutinefunction(function):
        return function(*arguments, **named)
    # It is not closed: what the call left on it ends with the process.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop.run_until_complete(function(*arguments, **named))


def _contexts(function: Callable[..., Any], context: ToolContext) -> dict[str, Any]:
    hints = typing.get_type_hints(function)
    return {name: context for name, hint in hints.items() if hint is ToolContext}


def end(code: int) -> None:
    """End this process without the exit handlers and threads of the module."""
    with suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
