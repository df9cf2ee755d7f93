"""The inbox: what waits for a person."""

from __future__ import annotations

from starlette.responses import Response

from runfold.surfaces.application import shapes
from runfold.surfaces.application.runs.reading.inbox import approvals
from runfold.surfaces.application.runs.reading.lists import plain_id
from runfold.surfaces.http.access import identity
from runfold.surfaces.http.route import Call, Parameter, Route, answered


async def listed(call: Call[None]) -> Response:
    """Show what waits, the oldest first."""
    run = call.text("run_id")
    run_id = None if run is None else plain_id(run)
    await call.gateway.note_read(call.caller, "GET /approvals", run_id or "")
    found = await call.gateway.ask(call.caller, lambda views: approvals(views, run_id))
    return answered(shapes.ApprovalList(approvals=tuple(found)))


ROUTES = (
    Route(
        "GET", "/approvals", "list_approvals", "See what waits for a person, the oldest first",
        identity.READ, listed, {200: shapes.ApprovalList}, None,
        (Parameter("run_id", "Only in this run."),), ("not_found", "unavailable"),
    ),
)  # fmt: skip
