"""An answer that goes on until its source ends, or its listener goes away or is too slow.

A listener has one buffer, in its source, and one piece on its way. Where it takes no piece for
``idle_s`` seconds it is cut; where its buffer overflows, its source ends the stream and says where
to go on. Neither holds up another listener, nor what they all read from.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from starlette.background import BackgroundTask
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from runfold.surfaces.http.access.limits import Use
from runfold.surfaces.http.metrics import CUT, EVENTS, STREAMS
from runfold.surfaces.http.streams.asking import MEDIA_TYPE
from runfold.surfaces.http.streams.wire import BEGIN

_log = logging.getLogger("runfold.gateway")


class Piece(NamedTuple):
    """What a listener is sent at once: bytes of so many events, and whether it is the last."""

    data: bytes
    events: int = 0
    last: bool = False


class Source(Protocol):
    """What one listener is sent. It holds back no more than it says."""

    @property
    def woken(self) -> asyncio.Event:
        """Is set when there may be something."""

    async def take(self) -> Piece:
        """Return what there is, at once; no bytes where there is nothing."""

    def beat(self) -> bytes:
        """Return a sign of life, for a time in which nothing happens."""

    async def close(self) -> None:
        """Give back what it holds."""


class EventStream(Response):
    """What a source has, sent as it comes. It closes the source, also one that was never sent."""

    media_type = MEDIA_TYPE

    def __init__(self, source: Source, use: Use, headers: Mapping[str, str] | None = None) -> None:
        self._source = source
        self._use = use
        self.status_code = 200
        self.background: BackgroundTask | None = None
        # Without a body there is no length, and what is sent goes in pieces.
        self.init_headers({"x-accel-buffering": "no", **(headers or {})})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what comes."""
        STREAMS().inc()
        sending = asyncio.ensure_future(self._send(send))
        leaving = asyncio.ensure_future(_gone(receive))
        self._use.streams.add(sending)
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._use.unlisten()
            self._use.streams.discard(sending)
            STREAMS().dec()
            told_to_end = sending.cancelled()
            for task in (sending, leaving):
                task.cancel()
                try:
                    await task
                except asyncio.CancelledError:
                    pass
                except TimeoutError:
                    CUT("stalled").inc()
                    _abort(scope)
                except Exception as error:  # noqa: BLE001 - the answer has begun: it can only end
                    CUT("fault").inc()
                    _log.info("a stream was cut: %s", type(error).__name__)
        if told_to_end:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, send: Send) -> None:
        beat_s = self._use.limits.heartbeat_s
        start = {
            "type": "http.response.start",
            "status": self.status_code,
            "headers": self.raw_headers,
        }
        try:
            await send(start)
            await self._piece(send, BEGIN)
            due = asyncio.get_running_loop().time() + beat_s
            while True:
                piece = await self._source.take()
                now = asyncio.get_running_loop().time()
                if piece.data or now >= due:
                    await self._piece(send, piece.data or self._source.beat())
                    due = now + beat_s
                if piece.events:
                    EVENTS().inc(piece.events)
                if piece.last:
                    break
                await _either(self._source.woken, due)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await self._source.close()

    async def _piece(self, send: Send, data: bytes) -> None:
        """Send a piece; a listener that takes none for too long is cut."""
        async with asyncio.timeout(self._use.limits.idle_s):
            await send({"type": "http.response.body", "body": data, "more_body": True})


def _abort(scope: Scope) -> None:
    """End a connection whose peer takes nothing: closed in order, it would wait for the peer."""
    abort = scope.get("state", {}).get("abort")
    if abort is not None:
        abort()


async def _either(woken: asyncio.Event, due: float) -> None:
    """Wait until an event is set, or a time of the loop has come."""
    if woken.is_set():
        return
    # Set from outside it costs no task and no future of its own: there are thousands of these.
    timer = asyncio.get_running_loop().call_at(due, woken.set)
    try:
        await woken.wait()
    finally:
        timer.cancel()


async def _gone(receive: Receive) -> None:
    while True:
        if (await receive())["type"] == "http.disconnect":
            return
