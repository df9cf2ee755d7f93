"""What is on record of a run beside its events: what was said, and the points to go on from."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from runfold.projections import queries
from runfold.projections.queries import Views
from runfold.surfaces.application import shapes
from runfold.surfaces.application.rendering import event_of
from runfold.surfaces.application.runs.reading.accepted import detail
from runfold.surfaces.application.runs.reading.conversation import MOST_EVENTS, messages_of, thread
from runfold.surfaces.application.scope import TenantScope
from runfold.surfaces.http.access import identity
from runfold.surfaces.http.reading import paging
from runfold.surfaces.http.route import Call, Parameter, Route, answered
from runfold.surfaces.http.routes.events import recorded

_MOST_RUNS = 20
_AFTER = Parameter(
    "after", "The number of the last event that is known.", {"type": "integer", "minimum": 0}
)


def _limit(most: int) -> Parameter:
    return Parameter("limit", "How many.", {"type": "integer", "minimum": 1, "maximum": most})


async def messages(call: Call[None]) -> Response:
    """Show what was said in a run: by people, by its model, by tools."""
    run_id = call.path("run_id")
    after, limit = call.number("after", 0, 0, 2**62), _limit_of(call)
    await call.gateway.note_read(call.caller, "GET /runs/{run_id}/messages", run_id)
    recorded_so_far = await recorded(call, run_id, after, MOST_EVENTS + 1)
    events = [event_of(each) for each in recorded_so_far.events]
    more, events = len(events) > MOST_EVENTS, events[:MOST_EVENTS]
    found = messages_of(events)
    last = events[-1].seq if events else after
    if len(found) > limit:
        found, more = found[:limit], True
        last = found[-1].seq
    said = shapes.RunMessages(run_id=run_id, messages=tuple(found), next_after=last, has_more=more)
    return answered(said)


async def conversation(call: Call[None]) -> Response:
    """Show what was said in the runs of a conversation, as far as the views have them."""
    thread_id = call.path("thread_id")
    limit = call.number("limit", 10, 1, _MOST_RUNS)
    which = {"thread_id": thread_id}
    begins = call.text("cursor")
    after = None if begins is None else tuple(paging.place_of(begins, which))
    await call.gateway.note_read(call.caller, "GET /threads/{thread_id}/messages")

    def ask(views: Views) -> list[shapes.ThreadRun]:
        return thread(views, thread_id, limit + 1, after)  # type: ignore[arg-type]

    found = await call.gateway.ask(call.caller, ask)
    page = found[:limit]
    following = None
    if len(found) > limit:
        place = paging.Place(page[-1].created_at, page[-1].run_id)
        following = paging.cursor(place, which)
    said = shapes.ThreadMessages(thread_id=thread_id, runs=tuple(page), next=following)
    return answered(said)


async def checkpoints(call: Call[None]) -> Response:
    """Show the points that a run can go on from, as far as the views have them."""
    run_id, caller = call.path("run_id"), call.caller
    after, limit = call.number("after", 0, 0, 2**62), _limit_of(call)
    await call.gateway.note_read(caller, "GET /runs/{run_id}/checkpoints", run_id)
    rows = await call.gateway.ask(
        caller, lambda views: queries.checkpoints_of(views, run_id, after, limit + 1)
    )
    if not rows:
        # One that is there has none yet, or none that the views know of.
        scope = TenantScope(caller.tenant_id)
        await detail(call.gateway.client(caller), call.gateway.reader, scope, run_id)
    page = rows[:limit]
    said = shapes.CheckpointPage(
        run_id=run_id,
        checkpoints=tuple(_checkpoint(row) for row in page),
        next_after=page[-1]["seq"] if page else after,
        has_more=len(rows) > limit,
    )
    return answered(said)


def _checkpoint(row: dict[str, Any]) -> shapes.Checkpoint:
    fields = {name: row[name] for name in shapes.Checkpoint.model_fields}
    return shapes.Checkpoint(**{**fields, "context_refs": tuple(row["context_refs"] or ())})


def _limit_of(call: Call[None]) -> int:
    return call.number("limit", paging.USUAL, 1, paging.MOST)


ROUTES = (
    Route(
        "GET", "/runs/{run_id}/messages", "list_messages", "See what was said in a run",
        identity.READ, messages, {200: shapes.RunMessages}, None, (_AFTER, _limit(paging.MOST)),
        ("malformed", "not_found", "unavailable"),
    ),
    Route(
        "GET", "/runs/{run_id}/checkpoints", "list_checkpoints",
        "See the points that a run can go on from", identity.READ, checkpoints,
        {200: shapes.CheckpointPage}, None, (_AFTER, _limit(paging.MOST)),
        ("malformed", "not_found", "unavailable"),
    ),
    Route(
        "GET", "/threads/{thread_id}/messages", "list_thread_messages",
        "See what was said in a conversation", identity.READ, conversation,
        {200: shapes.ThreadMessages}, None,
        (_limit(_MOST_RUNS), Parameter("cursor", "`next` of the page before.")),
        ("malformed", "cursor_malformed", "not_found", "unavailable"),
    ),
)  # fmt: skip
