"""Events as they come, as Server-Sent Events: ``id`` is the event's number in its run.

The stream is history and what comes after it, joined by number: no gap and nothing twice. It ends
with the run. Who comes back says the last number, and goes on from there. Who reads too slowly is
cut, and comes back the same way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from runfold.producers.errors import LogError
from runfold.surfaces.application import shapes
from runfold.surfaces.application.rendering import to_json
from runfold.surfaces.http.access.limits import Use
from runfold.surfaces.http.metrics import EVENTS, STREAMS
from runfold.surfaces.http.refusals.problems import Problem

_log = logging.getLogger("runfold.gateway")

MEDIA_TYPE = "text/event-stream"
RETRY_MS = 2_000
_BEAT = b": beat\n\n"

Events = AsyncIterator[shapes.Event]


def is_asked(request: Request) -> bool:
    """Return whether a request asks for a stream, and not for a page."""
    return MEDIA_TYPE in request.headers.get("accept", "").lower()


def after_in(request: Request, said: int) -> int:
    """Return the number of the last event that a listener has; raises Problem."""
    last = request.headers.get("last-event-id", "").strip()
    if not last:
        return said
    if not (last.isascii() and last.isdecimal() and len(last) < 19):
        raise Problem("malformed", "Last-Event-ID must be the number of an event.")
    return max(int(last), said)


def message(event: shapes.Event) -> bytes:
    """Return an event in the form of a stream; its JSON has no line end."""
    return f"id: {event.seq}\nevent: {event.type}\ndata: {to_json(event)}\n\n".encode()


class EventStream(Response):
    """An answer that goes on until the run ends, or its listener goes away or is too slow."""

    media_type = MEDIA_TYPE

    def __init__(self, events: Events, use: Use, headers: Mapping[str, str] | None = None) -> None:
        use.listen()
        self._events = events
        self._use = use
        self.status_code = 200
        self.background: BackgroundTask | None = None
        # Without a body there is no length, and what is sent goes in pieces.
        self.init_headers({"x-accel-buffering": "no", **(headers or {})})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as every answer has it
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
                except Exception as error:  # noqa: BLE001 - the answer has begun: it can only end
                    _log.info("a stream was cut: %s", type(error).__name__)
        if told_to_end:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, send: Send) -> None:
        start = {
            "type": "http.response.start",
            "status": self.status_code,
            "headers": self.raw_headers,
        }
        await send(start)
        await self._piece(send, f"retry: {RETRY_MS}\n\n".encode())
        events = self._events.__aiter__()
        coming: asyncio.Future[shapes.Event | None] | None = None
        try:
            while True:
                coming = coming or asyncio.ensure_future(_next(events))
                await asyncio.wait({coming}, timeout=self._use.limits.heartbeat_s)
                if not coming.done():
                    await self._piece(send, _BEAT)
                    continue
                event = coming.result()
                coming = None
                if event is None:
                    break
                await self._piece(send, message(event))
                EVENTS().inc()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            if coming is not None:
                coming.cancel()
                with suppress(asyncio.CancelledError, LogError):
                    await coming
            closing = getattr(self._events, "aclose", None)
            if closing is not None:
                await closing()

    async def _piece(self, send: Send, data: bytes) -> None:
        """Send a piece; a listener that takes none for too long is cut."""
        async with asyncio.timeout(self._use.limits.idle_s):
            await send({"type": "http.response.body", "body": data, "more_body": True})


async def _next(events: Events) -> shapes.Event | None:
    return await anext(events, None)


async def _gone(receive: Receive) -> None:
    while True:
        if (await receive())["type"] == "http.disconnect":
            return
