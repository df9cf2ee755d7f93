"""An answer that goes on until its source ends, or its listener goes away or is too slow.

A listener has one buffer, in its source, and one piece on its way. Where it takes no piece for
``idle_s`` seconds it is cut; where its buffer overflows, its source ends the stream and says where
to go on. Neither holds up another listener, nor what they all read from.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from starlette.background import BackgroundTask
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from runfold.surfaces.http.access.limits import Limits, Use
from runfold.surfaces.http.access.standing import OVER, Watch
from runfold.surfaces.http.metrics import CUT, EVENTS, STREAMS
from runfold.surfaces.http.streams.asking import MEDIA_TYPE
from runfold.surfaces.http.streams.wire import BEGIN, over

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
    """What a source has, sent as it comes. It closes the source, also one that was never sent.

    ``leave`` ends the stream that was opened with ``Use.listen``; ``watch`` says when the
    credential that it was opened with is over: the stream ends then, with a comment that says so.
    """

    media_type = MEDIA_TYPE

    def __init__(
        self,
        source: Source,
        use: Use,
        leave: Callable[[], None],
        watch: Watch,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._source = source
        self._leave = leave
        self._watch = watch
        self._is_over = False
        self._use = use
        self.status_code = 200
        self.background: BackgroundTask | None = None
        self._pulse: Pulse
        # Without a body there is no length, and what is sent goes in pieces.
        self.init_headers({"x-accel-buffering": "no", **(headers or {})})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what comes."""
        STREAMS().inc()
        sending = asyncio.ensure_future(self._send(send))
        leaving = asyncio.ensure_future(_gone(receive))
        pulse = Pulse(self._source.woken, self._use.limits, sending.cancel)
        self._pulse = pulse
        self._use.streams.add(sending)

        def end() -> None:
            self._is_over = True
            sending.cancel()

        unwatch = self._watch(end)
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            pulse.stop()
            unwatch()
            self._leave()
            self._use.streams.discard(sending)
            STREAMS().dec()
            told_to_end = sending.cancelled() and not pulse.stalled
            for task in (sending, leaving):
                task.cancel()
                try:
                    await task
                except asyncio.CancelledError:
                    pass
                except Exception as error:  # noqa: BLE001 - the answer has begun: it can only end
                    CUT("fault").inc()
                    _log.info("a stream was cut: %s", type(error).__name__)
        if pulse.stalled:
            CUT("stalled").inc()
            _abort(scope)
        elif told_to_end:
            await self._last(scope, send)

    async def _last(self, scope: Scope, send: Send) -> None:
        """End in order, and say why where the listener cannot come back as it came."""
        body = over(OVER) if self._is_over else b""
        if self._is_over:
            CUT("revoked").inc()
        try:
            async with asyncio.timeout(self._use.limits.idle_s):
                await send({"type": "http.response.body", "body": body, "more_body": False})
        except TimeoutError:
            _abort(scope)

    async def _send(self, send: Send) -> None:
        start = {
            "type": "http.response.start",
            "status": self.status_code,
            "headers": self.raw_headers,
        }
        source, pulse = self._source, self._pulse
        try:
            await send(start)
            await self._piece(send, BEGIN)
            while True:
                piece = await source.take()
                if piece.data:
                    await self._piece(send, piece.data)
                elif pulse.is_due():
                    await self._piece(send, source.beat())
                if piece.events:
                    EVENTS().inc(piece.events)
                if piece.last:
                    break
                await source.woken.wait()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await source.close()

    async def _piece(self, send: Send, data: bytes) -> None:
        """Send a piece; a listener that takes none for too long is cut."""
        self._pulse.begins()
        await send({"type": "http.response.body", "body": data, "more_body": True})
        self._pulse.ends()


class Pulse:
    """One timer of a stream: wakes it for a beat, and cuts it where a piece does not go.

    A timer for each piece would cost more than the piece: there are thousands of listeners.
    """

    def __init__(self, woken: asyncio.Event, limits: Limits, cut: Callable[[], object]) -> None:
        self._loop = asyncio.get_running_loop()
        self._woken = woken
        self._cut = cut
        self._beat_s, self._idle_s = limits.heartbeat_s, limits.idle_s
        self._sent = self._loop.time()
        self._since: float | None = None
        self.stalled = False
        self._timer = self._loop.call_later(self._beat_s, self._tick)

    def begins(self) -> None:
        """Note that a piece is on its way."""
        self._since = self._loop.time()

    def ends(self) -> None:
        """Note that it went."""
        self._sent, self._since = self._loop.time(), None

    def is_due(self) -> bool:
        """Return whether nothing was sent for as long as a beat."""
        return self._loop.time() - self._sent >= self._beat_s

    def stop(self) -> None:
        """Stop the timer."""
        self._timer.cancel()

    def _tick(self) -> None:
        now = self._loop.time()
        if self._since is not None and now - self._since >= self._idle_s:
            self.stalled = True
            self._cut()
            return
        left = self._beat_s
        if self._since is not None:
            left = min(left, self._since + self._idle_s - now)
        elif self.is_due():
            self._woken.set()
        else:
            left = self._sent + self._beat_s - now
        # Not sooner: a clock of milliseconds may stand still.
        self._timer = self._loop.call_later(max(0.001, left), self._tick)


def _abort(scope: Scope) -> None:
    """End a connection whose peer takes nothing: closed in order, it would wait for the peer."""
    abort = scope.get("state", {}).get("abort")
    if abort is not None:
        abort()


async def _gone(receive: Receive) -> None:
    while True:
        if (await receive())["type"] == "http.disconnect":
            return
