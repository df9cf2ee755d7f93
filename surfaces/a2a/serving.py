"""How an answer of the protocol goes out: marked, bounded in time, and, as a stream, counted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runfold.surfaces.a2a.calling import Call
from runfold.surfaces.http.access.identity import Marks
from runfold.surfaces.http.access.limits import Use
from runfold.surfaces.http.handling import refused
from runfold.surfaces.http.metrics import CUT, STREAMS
from runfold.surfaces.http.refusals.problems import Problem, answer

_log = logging.getLogger("runfold.gateway")


class Served:
    """The answer to one request; ``who`` is the key that makes it, ``left`` what that has left."""

    def __init__(self, send: Send, marks: Marks, use: Use, path: str) -> None:
        self._send = send
        self._marks = marks
        self._use = use
        self._path = path
        self.who = ""
        self.left: dict[str, str] = {}
        self.status = 0
        self._ended = False

    async def answer(self, request: Request, response: Response) -> None:
        """Send an answer of the gateway's own."""
        await response(request.scope, request.receive, self._marked)

    async def refuse(self, problem: Problem) -> None:
        """Send a problem, where nothing was sent; end what has begun."""
        problem = refused(self._use, self.who, problem)
        if self.status:
            await self._cut()
            return
        scope: Scope = {"type": "http", "method": "GET", "headers": []}
        response = answer(problem, self._path[:500], self._marks.request_id)
        await response(scope, _nothing, self._marked)

    async def run(
        self, app: ASGIApp, scope: Scope, receive: Receive, call: Call, *, streams: bool
    ) -> None:
        """Have the protocol answer; what it leaves to HTTP is answered as a problem."""
        if not streams:
            with self._use.under_way(call.caller.key_id):
                await app(scope, receive, self._passing(call))
        else:
            await self._stream(app, scope, receive, call)
        if call.problem is not None and not self.status:
            await self.refuse(call.problem)

    async def _stream(self, app: ASGIApp, scope: Scope, receive: Receive, call: Call) -> None:
        leave = self._use.listen(call.caller.tenant_id)
        STREAMS().inc()
        unwatch = _watched(call)
        sending = asyncio.ensure_future(_served(app, scope, receive, self._passing(call)))
        self._use.streams.add(sending)
        try:
            await asyncio.wait({sending})
        finally:
            leave()
            unwatch()
            self._use.streams.discard(sending)
            STREAMS().dec()
            if not sending.done():
                sending.cancel()
                with suppress(asyncio.CancelledError):
                    await sending
        if sending.cancelled():
            # The gateway ends: its listener comes back, and finds another.
            await self._cut()
            return
        error = sending.exception()
        if error is not None:
            _log.info("a stream was cut: %s", type(error).__name__)
            await self._cut()

    def _passing(self, call: Call) -> Send:
        """Return what passes on what the protocol says, unless HTTP is to say something else."""

        async def passed(message: Message) -> None:
            if call.problem is not None and not self.status:
                return
            async with asyncio.timeout(self._use.limits.idle_s):
                await self._marked(message)

        return passed

    async def _marked(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = {
                "x-request-id": self._marks.request_id,
                "traceparent": self._marks.traceparent,
                "x-content-type-options": "nosniff",
                **self.left,
            }
            headers = [(name.encode(), value.encode()) for name, value in own.items()]
            known = {name.lower() for name, _ in message["headers"]}
            if b"cache-control" not in known:
                headers.append((b"cache-control", b"no-store"))
            kept = [each for each in message["headers"] if each[0].decode() not in own]
            message = {**message, "headers": [*kept, *headers]}
        elif message["type"] == "http.response.body" and not message.get("more_body", False):
            self._ended = True
        await self._send(message)

    async def _cut(self) -> None:
        """End an answer that has begun, as far as anybody still takes it."""
        if self.status and not self._ended:
            self._ended = True
            with suppress(Exception):
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def replayed(body: bytes, receive: Receive) -> Receive:
    """Return what gives a body that was read already, and after it what becomes of the client."""
    left = [body]

    async def received() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return received


async def _served(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


def _watched(call: Call) -> Callable[[], None]:
    """Have a stream told when its credential is over; return what ends that."""
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    call.over = over

    def end() -> None:
        if not over.done():
            CUT("revoked").inc()
            over.set_result(None)

    return call.watch(end) if call.watch is not None else lambda: None


async def _nothing() -> Message:
    return {"type": "http.disconnect"}
