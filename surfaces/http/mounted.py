"""Applications of other protocols, mounted behind the gateway's bounds and identity.

Before a mounted application sees a request, its key says who asks, its rate is taken, and the trace
goes on: as for every route. It reads bodies itself, within ``gateway.use.limits``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runfold.infra.process.runner import Watch
from runfold.surfaces.http.access.identity import Caller, Marks, caller_of, marks_of
from runfold.surfaces.http.access.letting_in import authenticated
from runfold.surfaces.http.gateway import Gateway
from runfold.surfaces.http.handling import in_trace, refused
from runfold.surfaces.http.metrics import REQUESTS, SECONDS
from runfold.surfaces.http.refusals.problems import Problem, answer, problem_of

_log = logging.getLogger("runfold.gateway")

_CALLER = "runfold.caller"

Refuse = Callable[[Request, Problem], Mapping[str, str]]
"""Returns headers that a refusal has beside its own, such as a challenge."""


def _nothing(request: Request, problem: Problem) -> Mapping[str, str]:  # noqa: ARG001 - as all have it
    return {}


@dataclass(frozen=True, slots=True)
class Mounted:
    """An application at one path, for every method; ``name`` is what metrics show.

    ``public`` is one that nobody needs a key for; one with its ``own_door`` lets in by itself, with
    what every route is let in by. ``refused`` adds headers to refusals.
    """

    path: str
    name: str
    app: ASGIApp
    public: bool = False
    own_door: bool = False
    refused: Refuse = _nothing


@dataclass(frozen=True, slots=True)
class Beside:
    """What is mounted, and what runs for it as long as the gateway does."""

    mounted: tuple[Mounted, ...] = ()
    watches: tuple[Watch, ...] = ()

    def __add__(self, other: Beside) -> Beside:
        """Return both."""
        return Beside(self.mounted + other.mounted, self.watches + other.watches)


def caller_in(scope: Scope) -> Caller:
    """Return who makes a request that was let in to a mounted application."""
    found: Caller = scope[_CALLER]
    return found


class Behind:
    """Serves a mounted application to whoever is let in; what it raises becomes a problem."""

    def __init__(self, mounted: Mounted, gateway: Gateway) -> None:
        self._mounted = mounted
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        request, began = Request(scope, receive), time.monotonic()
        marks, status = marks_of(request), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], *_marked(marks)]}
            await send(message)

        try:
            with in_trace(marks):
                if not self._mounted.public:
                    scope[_CALLER] = await self._let_in(request, marks)
                await self._mounted.app(scope, receive, watched)
        except Exception as error:  # noqa: BLE001 - a caller is answered, whatever it was
            problem = refused(self._gateway.use, "", problem_of(error))
            if problem.code == "internal":
                _log.exception("a request failed", extra={"request_id": marks.request_id})
            if not status:
                await self._refusal(request, problem, marks)(scope, receive, watched)
        REQUESTS(self._mounted.name, str(status or 500)).inc()
        SECONDS(self._mounted.name).observe(time.monotonic() - began)

    async def _let_in(self, request: Request, marks: Marks) -> Caller:
        caller = caller_of(await authenticated(request, self._gateway.door), marks)
        self._gateway.use.take(caller.key_id)
        return caller

    def _refusal(self, request: Request, problem: Problem, marks: Marks) -> Response:
        response = answer(problem, request.url.path[:500], marks.request_id)
        response.headers.update(self._mounted.refused(request, problem))
        return response


def _marked(marks: Marks) -> list[tuple[bytes, bytes]]:
    return [
        (b"x-request-id", marks.request_id.encode()),
        (b"traceparent", marks.traceparent.encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
