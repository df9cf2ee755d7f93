"""What a listener asks for: a stream at all, from where on, and of which events."""

from __future__ import annotations

from starlette.requests import Request

from runfold.surfaces.application.errors import InvalidError
from runfold.surfaces.application.runs.reading.event_types import types_of
from runfold.surfaces.http.refusals.problems import Problem
from runfold.surfaces.http.route import Call, Parameter

MEDIA_TYPE = "text/event-stream"

LAST_EVENT_ID = Parameter("Last-Event-ID", "As `after`: a browser sends it.", place="header")
TYPES = Parameter(
    "types",
    "Only events of these types, or groups of types, with commas between them: "
    "`ModelResponded,approvals`. The groups are on the page of the HTTP API.",
)

_MOST_NAMES = 100


def is_asked(request: Request) -> bool:
    """Return whether a request asks for a stream, and not for a page."""
    return MEDIA_TYPE in request.headers.get("accept", "").lower()


def after_in(request: Request, said: int) -> int:
    """Return the number of the last event that a listener has; raises Problem."""
    last = request.headers.get("last-event-id", "").strip()
    if not last:
        return said
    if not (last.isascii() and last.isdecimal() and len(last) < 19):
        raise Problem("malformed", "Last-Event-ID must be the number of an event.")
    return max(int(last), said)


def types_in(call: Call[None]) -> frozenset[str] | None:
    """Return the types that are asked for, None for all; raises Problem, which names them."""
    said = call.text(TYPES.name)
    if said is None:
        return None
    names = [name.strip() for name in said.split(",")]
    if len(names) > _MOST_NAMES:
        raise Problem("malformed", f"types has {len(names)} names, and {_MOST_NAMES} may be.")
    try:
        return types_of(names)
    except InvalidError as error:
        raise Problem("malformed", str(error)) from None


def switch_in(call: Call[None], name: str) -> bool:
    """Return whether a switch of the query is on; raises Problem."""
    said = call.text(name)
    if said not in {None, "true", "false"}:
        raise Problem("malformed", f"The parameter {name} must be true or false.")
    return said == "true"
