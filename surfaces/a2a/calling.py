"""A call of an agent: who makes it, of which agent, and what its answer is to say by HTTP."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from a2a.server.context import ServerCallContext
from a2a.server.routes.common import ServerCallContextBuilder
from a2a.utils.errors import InvalidParamsError
from starlette.requests import Request

from runfold.events.definitions.agents.agent import AgentDefinition
from runfold.surfaces.http.access.identity import Caller
from runfold.surfaces.http.access.standing import Watch
from runfold.surfaces.http.refusals.problems import Problem

CALL = "runfold.call"
"""Under which name a call is in the scope of a request, and in the state of its context."""


@dataclass(slots=True)
class Call:
    """``after`` is the number of the last event that a subscriber has; ``name`` as it was asked.

    ``watch`` says when its credential is over; a stream's ``over`` is done then.
    """

    caller: Caller
    name: str
    agent: AgentDefinition
    after: int | None = None
    problem: Problem | None = field(default=None)
    watch: Watch | None = None
    over: asyncio.Future[None] | None = None

    def is_of(self, agent: str) -> bool:
        """Return whether a run of an agent is a task of the one that is called."""
        return agent in {self.name, self.agent.name}


class Contexts(ServerCallContextBuilder):
    """Hands the call of a request to whoever serves it."""

    def build(self, request: Request) -> ServerCallContext:
        """Return the context of a request that was let in."""
        call: Call = request.scope[CALL]
        return ServerCallContext(state={"headers": dict(request.headers), CALL: call})


def call_of(context: ServerCallContext) -> Call:
    """Return the call of a context; raises InvalidParamsError where it names another tenant."""
    call: Call = context.state[CALL]
    if context.tenant not in {"", call.caller.tenant_id}:
        raise InvalidParamsError("The tenant is what the key says: leave it out.")
    return call
