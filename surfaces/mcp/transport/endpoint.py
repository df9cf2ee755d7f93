"""The one endpoint of the protocol over HTTP: bounds first, then the client's revision decides.

From 2026-07-28 on each request stands alone. Older clients begin with ``initialize`` and get a
session, or ask without one. A bare ``{"method": "tools/list"}`` is answered, too.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.types import INTERNAL_ERROR, INVALID_REQUEST, PARSE_ERROR
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runfold.surfaces.application.rendering import to_json
from runfold.surfaces.http.access.limits import Limits
from runfold.surfaces.http.reading import bodies
from runfold.surfaces.http.refusals.codes import CODES
from runfold.surfaces.http.refusals.problems import Problem
from runfold.surfaces.mcp.transport.hosts import need_own
from runfold.surfaces.mcp.transport.sessions import Sessions, new_id, read_id

_METHODS = ("POST", "DELETE")
_ACCEPT = b"application/json, text/event-stream"
_BARE = "tools/list"

Who = Callable[[Scope], str]
"""Names who makes a request, so that nobody goes on with another's session."""


class Endpoint:
    """Serves a server of the protocol; ``who`` names the caller, ``public_url`` where others reach
    it.
    """

    def __init__(
        self, server: Server[Any], limits: Limits, who: Who, public_url: str | None = None
    ) -> None:
        self._limits = limits
        self._who = who
        self._public_url = public_url
        self.sessions = Sessions(server)
        self._alone = StreamableHTTPSessionManager(server, stateless=True)
        self._plain = StreamableHTTPSessionManager(server, stateless=True, json_response=True)
        self._running: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; what is refused is an error of JSON-RPC with a status of HTTP."""
        request = Request(scope, receive)
        try:
            serve = await self._chosen(request)
        except Problem as problem:
            await _refused(problem)(scope, receive, send)
            return
        await serve(scope, receive, send)

    async def close(self) -> None:
        """End what is under way."""
        await self.sessions.close()
        self._ended.set()
        if self._running is not None:
            await self._running

    async def _chosen(self, request: Request) -> ASGIApp:
        """Return what serves a request, which it is given whole; raises Problem."""
        need_own(request.scope, self._public_url)
        if request.method not in _METHODS:
            raise Problem(
                "method_not_allowed",
                "Send POST: nothing is sent here but in answer to a request.",
                headers={"allow": ", ".join(_METHODS)},
            )
        body = await bodies.read(request, self._limits)
        found: Any = None
        if request.method == "POST":
            found = bodies.parsed(body, request.headers.get("content-type"), self._limits.depth)
            _need_whole_characters(body, found)
        again = _again(body)
        session = request.headers.get("mcp-session-id")
        revision = request.headers.get("mcp-protocol-version")
        handshake = revision is None or revision in HANDSHAKE_PROTOCOL_VERSIONS
        if handshake and session is not None:
            return self._in_session(request, session, again)
        if handshake and isinstance(found, dict) and found.get("method") == "initialize":
            params = found.get("params")
            began = new_id(params if isinstance(params, dict) else {})
            return self._of(request, str(began), again, new=True)
        if request.method == "DELETE":
            raise Problem("malformed", "Name the session that is to end in Mcp-Session-Id.")
        await self._started()
        if isinstance(found, dict) and found.get("method") == _BARE and "jsonrpc" not in found:
            return self._bare(found)

        async def alone(scope: Scope, receive: Receive, send: Send) -> None:
            await self._alone.handle_request(scope, again(receive), send)

        return alone

    def _in_session(self, request: Request, said: str, again: _Again) -> ASGIApp:
        if read_id(said) is None:
            raise Problem("not_found", "No gateway gave this session: begin with `initialize`.")
        return self._of(request, said, again, new=False)

    def _of(self, request: Request, said: str, again: _Again, *, new: bool) -> ASGIApp:
        session, who = read_id(said), self._who(request.scope)
        assert session is not None

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await self.sessions.serve(who, session, new, scope, again(receive), send)
            except Problem as problem:
                await _refused(problem)(scope, receive, send)

        return serve

    def _bare(self, found: dict[str, Any]) -> ASGIApp:
        """Serve a listing as it stands in documents: no version, no id, no headers."""
        whole = {"jsonrpc": "2.0", "id": 0, "method": _BARE, "params": found.get("params") or {}}
        again = _again(to_json(whole).encode())

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            kept = [
                each for each in scope["headers"] if each[0] not in {b"accept", b"content-length"}
            ]
            own = {**scope, "headers": [*kept, (b"accept", _ACCEPT)]}
            await self._plain.handle_request(own, again(receive), send)

        return serve

    async def _started(self) -> None:
        """Begin what serves requests that stand alone, on the loop of the first of them."""
        if self._running is not None:
            return
        begun = asyncio.Event()

        async def run() -> None:
            with suppress(asyncio.CancelledError):
                async with self._alone.run(), self._plain.run():
                    begun.set()
                    await self._ended.wait()

        self._running = asyncio.create_task(run())
        await begun.wait()


_Again = Callable[[Receive], Receive]


def _again(body: bytes) -> _Again:
    """Return what gives a body once more that was read, and then what comes after it."""

    def replayed(receive: Receive) -> Receive:
        given = False

        async def next_one() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        return next_one

    return replayed


def _need_whole_characters(body: bytes, found: Any) -> None:
    """Raise Problem for half a character: an answer that names it could not be sent."""
    if b"\\u" not in body:
        return
    try:
        json.dumps(found, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        raise Problem("malformed", "The body holds half a character.") from None


def _refused(problem: Problem) -> Response:
    """Return a refusal as JSON-RPC has errors, with the status that its code has."""
    kind = CODES[problem.code]
    code = INVALID_REQUEST
    if problem.code in {"malformed", "too_deep"}:
        code = PARSE_ERROR
    elif kind.status >= 500:
        code = INTERNAL_ERROR
    error = {"code": code, "message": problem.detail, "data": {"code": problem.code}}
    said = {"jsonrpc": "2.0", "id": None, "error": error}
    return Response(to_json(said), kind.status, dict(problem.headers), "application/json")
