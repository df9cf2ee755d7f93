"""One request of an MCP client: who asks, what its client can do, how it is told of progress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.types import ClientCapabilities
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from runfold.surfaces.application.runs.async_runs import AsyncRuns
from runfold.surfaces.http.access.identity import DECIDE, Caller
from runfold.surfaces.http.access.standing import End, Leave
from runfold.surfaces.http.gateway import Gateway
from runfold.surfaces.http.mounted import caller_in

TASKS = "io.modelcontextprotocol/tasks"
"""The extension by which a client takes a task in the place of a result."""

Context = ServerRequestContext[Any, Any]


@dataclass(frozen=True, slots=True)
class Asking:
    """A request that was let in; ``ctx`` is the SDK's context of it."""

    gateway: Gateway
    caller: Caller
    ctx: Context

    @classmethod
    def of(cls, gateway: Gateway, ctx: Context) -> Asking:
        """Return the request that a handler was called with."""
        assert ctx.request is not None
        return cls(gateway, caller_in(ctx.request.scope), ctx)

    @property
    def runs(self) -> AsyncRuns:
        """The runs of the caller's tenant."""
        return self.gateway.runs(self.caller)

    def watch(self, end: End) -> Leave:
        """Have a call that waits ended once its credential is over."""
        assert self.ctx.request is not None
        return self.gateway.watch(self.ctx.request)(end)

    @property
    def modern(self) -> bool:
        """Whether each request of this client stands alone, as from 2026-07-28 on."""
        return self.ctx.protocol_version in MODERN_PROTOCOL_VERSIONS

    @property
    def takes_tasks(self) -> bool:
        """Whether the client takes a task for a result."""
        can = self._can
        return self.modern and can is not None and TASKS in (can.extensions or {})

    @property
    def may_elicit(self) -> bool:
        """Whether the client can ask its person in a form, and the person may decide."""
        can = self._can.elicitation if self._can else None
        form = can is not None and (can.form is not None or can.url is None)
        return (
            form and self.caller.may(DECIDE) and (self.modern or self.ctx.session.can_send_request)
        )

    @property
    def params(self) -> Mapping[str, Any]:
        """The parameters as they came, with what no model knows."""
        return self.ctx.params or {}

    async def progress(self, done: int, message: str) -> None:
        """Tell the client how far a run is; nothing where it has not asked for it."""
        await self.ctx.session.report_progress(done, None, message)

    @property
    def _can(self) -> ClientCapabilities | None:
        return self.ctx.session.client_capabilities
