"""The application: the table of routes behind the bounds that hold for every request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Served
from starlette.routing import Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runfold.surfaces.http.access.identity import marks_of
from runfold.surfaces.http.access.limits import Limits
from runfold.surfaces.http.gateway import Gateway
from runfold.surfaces.http.handling import handle
from runfold.surfaces.http.metrics import REQUESTS
from runfold.surfaces.http.mounted import Behind, Mounted
from runfold.surfaces.http.refusals.codes import CODES
from runfold.surfaces.http.refusals.problems import Problem, answer
from runfold.surfaces.http.route import Route
from runfold.surfaces.http.routes import ROUTES


def make_app(
    gateway: Gateway, routes: tuple[Route, ...] = ROUTES, mounted: tuple[Mounted, ...] = ()
) -> ASGIApp:
    """Return the application that serves these routes, and what is mounted beside them."""
    served = [_served(gateway, path, routes) for path in dict.fromkeys(r.path for r in routes)]
    for each in mounted:
        app = each.app if each.own_door else Behind(each, gateway)
        served.append(Served(each.path, app, include_in_schema=False))
    # Not an application of Starlette's: its middlewares turn errors into answers, and here each
    # route does so itself. What one lets through all the same, the server answers with a bare 500.
    return Bounds(Router(served, redirect_slashes=False, default=_outside), gateway.use.limits)


def _served(gateway: Gateway, path: str, routes: tuple[Route, ...]) -> Served:
    """Return what serves a path: its methods, and a problem for all others."""
    by_method = {route.method: route for route in routes if route.path == path}
    allowed = ", ".join(sorted({*by_method, *(("HEAD",) if "GET" in by_method else ())}))

    async def serve(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        route = by_method.get(method)
        if route is None:
            problem = Problem(
                "method_not_allowed",
                f"{path} has {allowed}, and no {request.method[:20]}.",
                headers={"allow": allowed},
            )
            return _refused(request, problem)
        return await handle(route, gateway, request)

    # Any method comes here: Starlette's own answer would be no problem of ours.
    return Served(path, _AnyMethod(serve), include_in_schema=False)


class _AnyMethod:
    """An endpoint that Starlette takes for an application, so that it filters no method."""

    def __init__(self, serve: Callable[[Request], Awaitable[Response]]) -> None:
        self._serve = serve

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._serve(Request(scope, receive, send))
        await response(scope, receive, send)


class Bounds:
    """Refuses what no route should see: too many headers, two lengths, a path without end."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request within the bounds."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        problem = self._problem(scope)
        if problem is not None:
            response = _refused(Request(scope, receive), problem)
            await response(scope, receive, send)
            return
        await self._app(scope, receive, _without_body(send) if scope["method"] == "HEAD" else send)

    def _problem(self, scope: Scope) -> Problem | None:
        names = [name for name, _ in scope["headers"]]
        close = {"connection": "close"}
        if scope["http_version"] not in {"1.0", "1.1"}:
            return Problem("malformed", "This is no version of HTTP here: 1.1 is.", headers=close)
        if len(names) > self._limits.headers:
            return Problem(
                "too_many_headers",
                f"{len(names)} header fields, and {self._limits.headers} are allowed.",
                headers=close,
            )
        # A proxy before us may go by the one and we by the other: that is how requests are hidden.
        if b"transfer-encoding" in names and b"content-length" in names:
            return Problem("malformed", "Two lengths of one body: send one of them.", headers=close)
        if names.count(b"content-length") > 1 or names.count(b"host") > 1:
            return Problem("malformed", "A header field comes twice that may come once.")
        size = len(scope.get("raw_path") or b"") + len(scope["query_string"])
        if size > self._limits.path_bytes:
            most = self._limits.path_bytes
            return Problem("uri_too_long", f"Path and query have {size} bytes, {most} are allowed.")
        return None


def _without_body(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return sent


def _refused(request: Request, problem: Problem) -> Response:
    marks = marks_of(request)
    REQUESTS("none", str(CODES[problem.code].status)).inc()
    response = answer(problem, request.url.path[:500], marks.request_id)
    response.headers["x-request-id"] = marks.request_id
    return response


async def _outside(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer for what is no route."""
    problem = Problem("no_such_route", "There is no such route: /openapi.json has them all.")
    await _refused(Request(scope, receive), problem)(scope, receive, send)
