"""Sessions of clients older than 2026-07-28, which speak of one; any gateway can go on with them.

All that a session is stands in its id: the revision that was agreed on, and whether the client has
forms. A gateway that does not know an id makes the session again from it, so that one outlives the
gateway that began it. What is lost then is a form that was open. An id is worth nothing without the
key that it came with, so it needs no signature.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import uuid4

from mcp.server.connection import Connection
from mcp.server.lowlevel import Server
from mcp.server.runner import serve_connection
from mcp.server.streamable_http import StreamableHTTPServerTransport
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from mcp.shared.transport_context import TransportContext
from mcp.types import (
    ClientCapabilities,
    ElicitationCapability,
    Implementation,
    InitializeRequestParams,
)
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION
from starlette.types import Receive, Scope, Send

from runfold.surfaces.http.refusals.problems import Problem

_ID = re.compile(r"(\d{4}-\d\d-\d\d)\.([f-])\.([0-9a-f]{32})")
_END_S = 5.0


class SessionId(NamedTuple):
    """``forms`` says whether the client can ask its person."""

    revision: str
    forms: bool
    own: str

    def __str__(self) -> str:
        """Return it as clients send it."""
        return f"{self.revision}.{'f' if self.forms else '-'}.{self.own}"


def read_id(said: str) -> SessionId | None:
    """Return what an id says, None for one that no gateway gave."""
    found = _ID.fullmatch(said)
    if found is None or found[1] not in HANDSHAKE_PROTOCOL_VERSIONS:
        return None
    return SessionId(found[1], found[2] == "f", found[3])


def new_id(params: Mapping[str, Any]) -> SessionId:
    """Return the id of the session that an ``initialize`` begins."""
    asked, can = params.get("protocolVersion"), params.get("capabilities")
    revision = asked if asked in HANDSHAKE_PROTOCOL_VERSIONS else LATEST_HANDSHAKE_VERSION
    form = can.get("elicitation") if isinstance(can, Mapping) else None
    forms = isinstance(form, Mapping) and ("form" in form or "url" not in form)
    return SessionId(str(revision), forms, uuid4().hex)


@dataclass(slots=True)
class _Session:
    transport: StreamableHTTPServerTransport
    task: asyncio.Task[None]
    used_at: float
    under_way: int = 0


@dataclass(slots=True)
class Sessions:
    """The sessions that this process serves; ``most`` at once, idle ones for ``idle_s`` seconds."""

    server: Server[Any]
    most: int = 1_000
    idle_s: float = 120.0
    _held: dict[tuple[str, str], _Session] = field(default_factory=dict)
    _beginning: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def serve(
        self, who: str, session: SessionId, new: bool, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Serve a request of a session; raises Problem where too many are busy."""
        key = (who, str(session))
        async with self._beginning:
            held = self._held.get(key)
            if held is None or held.task.done():
                self._make_room()
                held = self._held[key] = await self._begin(session, new)
            held.under_way += 1
        try:
            await held.transport.handle_request(scope, receive, send)
        finally:
            held.under_way -= 1
            held.used_at = time.monotonic()
        if held.transport.is_terminated:
            self._held.pop(key, None)

    async def close(self) -> None:
        """End every session of this process; clients go on with them elsewhere."""
        for key in tuple(self._held):
            await self._end(key)

    async def _begin(self, session: SessionId, new: bool) -> _Session:
        transport = StreamableHTTPServerTransport(str(session))
        connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._run(transport, session, new, connected))
        await connected
        return _Session(transport, task, time.monotonic())

    async def _run(
        self,
        transport: StreamableHTTPServerTransport,
        session: SessionId,
        new: bool,
        connected: asyncio.Future[None],
    ) -> None:
        async with transport.connect() as (read, write):
            dispatcher: JSONRPCDispatcher[TransportContext] = JSONRPCDispatcher(
                read, write, inline_methods=frozenset({"initialize"})
            )
            connection = Connection.for_loop(
                dispatcher, session_id=str(session), protocol_version_hint=session.revision
            )
            if not new:
                connection.client_params = _known(session)
                connection.initialized.set()
            connected.set_result(None)
            await serve_connection(
                self.server, dispatcher, connection=connection, lifespan_state={}
            )

    def _make_room(self) -> None:
        """Forget sessions that are idle: each comes again from its id."""
        now = time.monotonic()
        idle = sorted((held.used_at, key) for key, held in self._held.items() if not held.under_way)
        over = len(self._held) + 1 - self.most
        for used_at, key in idle:
            if now - used_at > self.idle_s or over > 0:
                over -= 1
                task = asyncio.ensure_future(self._end(key))
                task.add_done_callback(lambda done: done.cancelled() or done.exception())
        if over > 0:
            raise Problem(
                "too_busy",
                f"{self.most} sessions are busy here, which is all that may be.",
                headers={"retry-after": "5"},
            )

    async def _end(self, key: tuple[str, str]) -> None:
        held = self._held.pop(key, None)
        if held is None:
            return
        await held.transport.terminate()
        with suppress(asyncio.CancelledError, TimeoutError):
            await asyncio.wait_for(held.task, _END_S)


def _known(session: SessionId) -> InitializeRequestParams:
    forms = ElicitationCapability() if session.forms else None
    return InitializeRequestParams(
        protocol_version=session.revision,
        capabilities=ClientCapabilities(elicitation=forms),
        client_info=Implementation(name="continued", version="0"),
    )
