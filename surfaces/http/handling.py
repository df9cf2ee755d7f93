"""How a request is served: the same steps for every route, in this order.

1. it is given an id and a trace; the version that it names must be one that is served
2. its key says who asks
3. rate and number of requests under way
4. the scope that the route needs
5. the body, bounded, then parsed, then validated
6. the use case
7. whatever went wrong becomes a problem
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext

from opentelemetry import context as otel
from opentelemetry import trace
from starlette.requests import Request
from starlette.responses import Response

from runfold.events.values import DataClassification
from runfold.infra.tracing.context import parsed
from runfold.surfaces.http.access.back_off import GRANT, too_often
from runfold.surfaces.http.access.identity import Caller, Marks, caller_of, marks_of
from runfold.surfaces.http.access.identity import need_scope as need
from runfold.surfaces.http.access.letting_in import authenticated
from runfold.surfaces.http.access.limits import Use
from runfold.surfaces.http.gateway import Gateway
from runfold.surfaces.http.metrics import REFUSALS, REQUESTS, SECONDS
from runfold.surfaces.http.reading import bodies
from runfold.surfaces.http.reading.requesting import need_known
from runfold.surfaces.http.refusals.codes import CODES
from runfold.surfaces.http.refusals.problems import Problem, answer, problem_of
from runfold.surfaces.http.route import Call, Route
from runfold.surfaces.http.versions import HEADER, VERSION, asked_for
from runfold.surfaces.http.versions import marks_of as said_of

_log = logging.getLogger("runfold.gateway")


_USUAL = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


async def handle(route: Route, gateway: Gateway, request: Request) -> Response:
    """Serve a request; never raises but where the server itself ends."""
    began = time.monotonic()
    marks = marks_of(request)
    left: dict[str, str] = {}
    who, version = "", VERSION
    try:
        version = asked_for(request)
        with in_trace(marks):
            caller = await _let_in(route, gateway, request, marks)
            who = caller.key_id
            if route.scope is not None:
                left = gateway.use.take(caller.key_id)
            bounded = route.scope is not None and not route.streams
            with gateway.use.under_way(caller.key_id) if bounded else nullcontext():
                if route.scope:
                    need(caller, route.scope)
                need_known(request, [p.name for p in route.parameters if p.place == "query"])
                response = await route.endpoint(
                    Call(request, gateway, caller, await _body(route, gateway, request))
                )
    except Exception as error:  # noqa: BLE001 - a caller is answered, whatever it was
        problem = refused(gateway.use, who, problem_of(error))
        if problem.code == "internal":
            _log.exception("a request failed", extra={"request_id": marks.request_id})
        response = answer(problem, request.url.path, marks.request_id)
    _mark(response, marks, {**left, HEADER: version, **said_of(route.deprecated)})
    seconds = time.monotonic() - began
    REQUESTS(route.name, str(response.status_code)).inc()
    SECONDS(route.name).observe(seconds)
    if _log.isEnabledFor(logging.DEBUG):
        said = {"route": route.name, "status": response.status_code, "key": who}
        ms = round(seconds * 1000, 1)
        _log.debug("served", extra={**said, "request_id": marks.request_id, "ms": ms})
    return response


@contextmanager
def in_trace(marks: Marks) -> Iterator[None]:
    """Have the trace of a request go with what is published within the block."""
    found = parsed(marks.traceparent)
    assert found is not None
    span = trace.SpanContext(
        found.trace_id, found.span_id, is_remote=True, trace_flags=trace.TraceFlags(found.sampled)
    )
    token = otel.attach(trace.set_span_in_context(trace.NonRecordingSpan(span)))
    try:
        yield
    finally:
        otel.detach(token)


def refused(use: Use, who: str, problem: Problem) -> Problem:
    """Return a problem as it is answered: who asks again and again for what is not theirs waits."""
    status = CODES[problem.code].status
    if status not in {401, 403} and problem.code != "refused_too_often":
        return problem
    if status == 403 and (wait := use.back_off.refused(**{GRANT: who})) > 0:
        problem = too_often(wait)
    REFUSALS(problem.code).inc()
    return problem


async def _let_in(route: Route, gateway: Gateway, request: Request, marks: Marks) -> Caller:
    if route.scope is None:
        return Caller(
            "", "", (), (), DataClassification.UNKNOWN, "", marks.request_id, marks.trace_id
        )
    return caller_of(await authenticated(request, gateway.door), marks)


async def _body(route: Route, gateway: Gateway, request: Request) -> object:
    limits = gateway.use.limits
    if route.raw:
        return await bodies.read(request, limits)
    if route.uploads:
        return None
    if route.body is None:
        if request.method != "GET" and await bodies.read(request, limits, unread=True):
            raise Problem("malformed", "This route takes no body.")
        return None
    body = await bodies.read(request, limits)
    if not body and not any(each.is_required() for each in route.body.model_fields.values()):
        return route.body()
    found = bodies.parsed(body, request.headers.get("content-type"), limits.depth)
    return bodies.validated(route.body, found)


def _mark(response: Response, marks: Marks, more: Mapping[str, str]) -> None:
    """Add the headers that every answer has; what a route said of them itself, stands."""
    own = {name for name, _ in response.raw_headers}
    said = {"x-request-id": marks.request_id, "traceparent": marks.traceparent, **more}
    found = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in said.items()]
    found += [each for each in _USUAL if each[0] not in own]
    set_now = {name for name, _ in found}
    kept = response.raw_headers
    if own & set_now:
        kept = [each for each in kept if each[0] not in set_now]
    # In place: what has the headers of an answer has this very list.
    response.raw_headers[:] = [*kept, *found]
