"""What is served under ``/a2a``: let in and bounded as every request, then the protocol's own.

1. it is given an id and a trace
2. its key says who asks, and rate and number of requests bound it
3. the agent that it names must be there for its tenant
4. the body, bounded, and looked at before anything of the protocol sees it
5. the protocol
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any, Final

from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from a2a.server.routes import create_jsonrpc_routes, create_rest_routes
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from runfold.events.definitions.agents.agent import AgentDefinition
from runfold.surfaces.a2a.calling import CALL, Call, Contexts
from runfold.surfaces.a2a.cards.agents import Agents
from runfold.surfaces.a2a.cards.cards import KEYS, PREFIX, Cards
from runfold.surfaces.a2a.files import PATH, Files
from runfold.surfaces.a2a.handler import Handler
from runfold.surfaces.a2a.serving import Served, replayed
from runfold.surfaces.a2a.versions import wrong_version
from runfold.surfaces.http.access.identity import Caller, Marks, caller_of, marks_of
from runfold.surfaces.http.access.letting_in import authenticated
from runfold.surfaces.http.gateway import Gateway
from runfold.surfaces.http.handling import in_trace
from runfold.surfaces.http.metrics import REQUESTS
from runfold.surfaces.http.reading import bodies
from runfold.surfaces.http.refusals.problems import Problem, answer, problem_of
from runfold.surfaces.http.streams.asking import after_in

_log = logging.getLogger("runfold.gateway")

CARD: Final = "/.well-known/agent-card.json"
PATHS: Final = (CARD, "/a2a/{rest:path}")
"""What the application is mounted at."""

_STREAMS = frozenset(
    {"SendStreamingMessage", "SubscribeToTask", "message/stream", "tasks/resubscribe"}
)
_STREAM_PATHS = (":subscribe", "message:stream")


@dataclass(frozen=True, slots=True)
class Shown:
    """Which cards are shown without a key, and which agent is the gateway's own."""

    public: tuple[str, ...] = ()
    default: str = ""

    def is_public(self, name: str) -> bool:
        """Return whether a card is shown to strangers."""
        return "*" in self.public or name in self.public


class A2A:
    """Serves agents; ``jwk`` is the public key that their cards are signed with."""

    def __init__(
        self,
        gateway: Gateway,
        agents: Agents,
        cards: Cards,
        handler: Handler,
        files: Files,
        jwk: dict[str, Any],
        shown: Shown,
    ) -> None:
        self._gateway = gateway
        self._agents = agents
        self._cards = cards
        self._jwks = {"keys": [jwk]}
        self._shown = shown
        self._protocol = _protocol(handler, files)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        request = Request(scope, receive)
        marks = marks_of(request)
        served = Served(send, marks, self._gateway.use, scope["path"])
        try:
            with in_trace(marks):
                await self._serve(request, marks, served, receive)
        except Exception as error:  # noqa: BLE001 - a caller is answered, whatever it was
            problem = problem_of(error)
            if problem.code == "internal":
                _log.exception("a request failed", extra={"request_id": marks.request_id})
            await served.refuse(problem)
        REQUESTS("a2a", str(served.status)).inc()

    async def _serve(
        self, request: Request, marks: Marks, served: Served, receive: Receive
    ) -> None:
        path: str = request.scope["path"]
        if path == KEYS or path.endswith(CARD):
            _need_read(request)
        if path == KEYS:
            await served.answer(request, JSONResponse(self._jwks))
            return
        if path == CARD:
            await served.answer(request, await self._default_card(request, marks))
            return
        # The path as it came: a name may hold what separates paths.
        name, rest = _named(request)
        if rest == CARD:
            await served.answer(request, await self._card(request, marks, name))
            return
        await self._called(request, marks, name, rest, served, receive)

    async def _called(
        self,
        request: Request,
        marks: Marks,
        name: str,
        rest: str,
        served: Served,
        receive: Receive,
    ) -> None:
        gateway = self._gateway
        caller = caller_of(await authenticated(request, gateway.door), marks)
        served.who = caller.key_id
        served.left = gateway.use.take(served.who)
        agent = await self._agent(caller.tenant_id, name)
        is_rpc = rest == "/"
        body, found = await self._body(request, is_rpc=is_rpc)
        if found is _UNREADABLE:
            await served.answer(request, JSONResponse(body))
            return
        if (refusal := wrong_version(request, rest, found)) is not None:
            await served.answer(request, refusal)
            return
        call = Call(caller, name, agent, _after(request), watch=gateway.watch(request))
        scope = _inner(request.scope, rest, call)
        streams = _streams(rest, found)
        await served.run(self._protocol, scope, replayed(body, receive), call, streams=streams)

    async def _body(self, request: Request, *, is_rpc: bool) -> tuple[Any, Any]:
        """Return a request's body, and what it says; for JSON-RPC, what is wrong with it."""
        limits = self._gateway.use.limits
        body = await bodies.read(request, limits)
        if not body and not is_rpc:
            return body, None
        try:
            found = bodies.parsed(body, request.headers.get("content-type"), limits.depth)
            _need_whole(body)
        except Problem as problem:
            if not is_rpc or problem.code not in {"malformed", "too_deep"}:
                raise
            return _unreadable(problem), _UNREADABLE
        return body, found

    async def _default_card(self, request: Request, marks: Marks) -> Response:
        """Return the card of the agent that is chosen, or the only one."""
        caller = await self._caller(request, marks)
        name = self._shown.default
        if not name:
            seen = await self._agents.all(caller.tenant_id if caller else None)
            names = [a.name for a in seen if caller or self._shown.is_public(a.name)]
            if caller is None and not names:
                await authenticated(request, self._gateway.door)
            if len(names) != 1:
                raise Problem(
                    "not_found",
                    f"{len(names)} agents are published here: ask for the card of one, under "
                    f"{PREFIX}/NAME{CARD}, or choose it by RUNFOLD_A2A_DEFAULT.",
                )
            name = names[0]
        return await self._card(request, marks, name)

    async def _card(self, request: Request, marks: Marks, name: str) -> Response:
        caller = await self._caller(request, marks)
        if caller is None and not self._shown.is_public(name):
            # Whether there is such an agent is not said.
            await authenticated(request, self._gateway.door)
        agent = await self._agent(caller.tenant_id if caller else None, name)
        said = agent_card_to_dict(self._cards.public(name, agent))
        return JSONResponse(said, headers={"cache-control": "private, no-cache"})

    async def _caller(self, request: Request, marks: Marks) -> Caller | None:
        """Return who asks, None for a stranger; a key that is no good is refused."""
        if "authorization" not in request.headers:
            return None
        key = await authenticated(request, self._gateway.door)
        self._gateway.use.take(key.key_id)
        return caller_of(key, marks)

    async def _agent(self, tenant: str | None, name: str) -> AgentDefinition:
        agent = await self._agents.of(tenant, name)
        if agent is None:
            raise Problem("not_found", f"No agent {name[:100]!r} is published here.")
        return agent


_UNREADABLE: Final = object()


def _protocol(handler: Handler, files: Files) -> ASGIApp:
    """Return the application of the protocol's own routes, behind what lets in."""
    contexts = Contexts()
    app = Starlette(
        routes=[
            *create_jsonrpc_routes(handler, "/", contexts, enable_v0_3_compat=True),
            Route(PATH, files.serve, methods=["GET"]),
            *create_rest_routes(handler, contexts, enable_v0_3_compat=True),
        ],
        exception_handlers={HTTPException: _outside},
    )
    app.router.redirect_slashes = False
    return app


async def _outside(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    call: Call = request.scope[CALL]
    code = "method_not_allowed" if error.status_code == 405 else "no_such_route"
    call.problem = Problem(
        code, "The protocol has no such route: see docs/a2a.md.", headers=error.headers or {}
    )
    return answer(call.problem, request.url.path[:500], call.caller.request_id)


def _named(request: Request) -> tuple[str, str]:
    """Return the agent that a path names, and the rest of it; raises Problem."""
    path: str = request.scope["path"]
    if not path.startswith(f"{PREFIX}/"):
        raise Problem("no_such_route", "There is no such route: see docs/a2a.md.")
    name, _, rest = path.removeprefix(f"{PREFIX}/").partition("/")
    if not name or len(name) > 200 or not name.isprintable():
        raise Problem("not_found", "The path names no agent.")
    return name, f"/{rest}"


def _inner(scope: Scope, rest: str, call: Call) -> Scope:
    """Return the scope of a request as the protocol's routes see it."""
    own = {name: held for name, held in scope.items() if name not in {"endpoint", "router", "app"}}
    raw = rest.encode("utf-8", "replace")
    return {**own, "path": rest, "raw_path": raw, "root_path": "", "path_params": {}, CALL: call}


def _streams(rest: str, found: Any) -> bool:
    if rest == "/":
        method = found.get("method") if isinstance(found, dict) else None
        return isinstance(method, str) and method in _STREAMS
    return rest.endswith(_STREAM_PATHS)


def _after(request: Request) -> int | None:
    return after_in(request, 0) if "last-event-id" in request.headers else None


def _need_whole(body: bytes) -> None:
    """Raise Problem for half a character, which no message can hold."""
    try:
        json.dumps(json.loads(body), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Problem("malformed", "The body holds half a character: send it whole.") from None


def _unreadable(problem: Problem) -> dict[str, Any]:
    error = {"code": -32700, "message": problem.detail, "data": [{"code": problem.code}]}
    return {"jsonrpc": "2.0", "id": None, "error": error}


def _need_read(request: Request) -> None:
    if request.method not in {"GET", "HEAD"}:
        raise Problem(
            "method_not_allowed", "This is only read: GET it.", headers={"allow": "GET, HEAD"}
        )
