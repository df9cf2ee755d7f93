"""The parent's end of the channel to a worker: one call at a time, and what that asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from runfold.infra.process.frames import Frame, FrameError, Frames, packed

ASKS = frozenset({"put", "get"})
"""What a call may ask of its parent while it runs."""

Asks = Callable[[Frame], object]


class BrokenLinkError(Exception):
    """The worker is gone, or said what is no message."""


class Link(asyncio.Protocol):
    """Carries a call to its answer; ``asks`` is given what the call wants meanwhile."""

    def __init__(self, *, greets: bool = False) -> None:
        self._frames = Frames()
        self._transport: asyncio.WriteTransport | None = None
        self._answer: asyncio.Future[Frame] | None = None
        self._asks: Asks | None = None
        self._number = 0
        self.broken = False
        if greets:
            self._answer = asyncio.get_running_loop().create_future()

    async def greeting(self) -> Frame:
        """Return what a worker says first that was not forked; raises BrokenLinkError."""
        assert self._answer is not None
        try:
            return await self._answer
        finally:
            self._answer = None

    async def call(self, frame: Frame, asks: Asks) -> Frame:
        """Send a call and return its answer; raises BrokenLinkError where none comes."""
        if self.broken or self._answer is not None:
            raise BrokenLinkError
        self._answer = asyncio.get_running_loop().create_future()
        self._asks = asks
        self._number += 1
        frame.head["number"] = self._number
        try:
            self.send(frame)
            return await self._answer
        finally:
            self._answer = self._asks = None

    def send(self, frame: Frame) -> None:
        """Send a message, if somebody is there."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(packed(frame))

    def close(self) -> None:
        """Say nothing more; whoever waits for an answer is told."""
        self._break()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """Take what came; whoever says what is no message is heard no more."""
        try:
            for frame in self._frames.take(data):
                self._take(frame)
        except FrameError:
            self._break()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the end is enough
        """End."""
        self._break()

    def _take(self, frame: Frame) -> None:
        # A tool may have made a copy of its process, which answers as well.
        if self._answer is None or self._answer.done() or frame.number("number") != self._number:
            raise FrameError("an answer that nobody asked for")
        if frame.kind in ASKS and self._asks is not None:
            self._asks(frame)
        else:
            self._answer.set_result(frame)

    def _break(self) -> None:
        self.broken = True
        if self._transport is not None:
            self._transport.abort()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(BrokenLinkError())
