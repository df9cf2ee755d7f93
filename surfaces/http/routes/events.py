"""The events of a run: a page of those that are there, or a stream of them and what comes."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from itertools import islice
from typing import Any, NamedTuple

import msgspec
from starlette.responses import Response

from runfold.events import run as journal
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import NotFoundError, no_run
from runfold.surfaces.application.runs import async_follow
from runfold.surfaces.application.runs.reading.accepted import detail, request_of
from runfold.surfaces.application.runs.reading.event_types import TERMINAL
from runfold.surfaces.application.runs.reading.history import ended_events
from runfold.surfaces.application.scope import TenantScope
from runfold.surfaces.http.access import identity
from runfold.surfaces.http.route import Call, Parameter, Route, answered
from runfold.surfaces.http.streams.asking import (
    LAST_EVENT_ID,
    TYPES,
    after_in,
    is_asked,
    switch_in,
    types_in,
)
from runfold.surfaces.http.streams.of_run import RunSource
from runfold.surfaces.http.streams.response import EventStream
from runfold.surfaces.http.streams.wire import RENDERED, rendered

_MOST = 1_000
_USUAL = 200


async def events(call: Call[None]) -> Response:
    """Show events of a run, or stream them to its end."""
    run_id, caller = call.path("run_id"), call.caller
    after = call.number("after", 0, 0, 2**62)
    await call.gateway.note_read(caller, "GET /runs/{run_id}/events", run_id)
    if is_asked(call.request):
        return await _streamed(call, run_id, after_in(call.request, after))
    return answered(await _page(call, run_id, after))


async def _page(call: Call[None], run_id: str, after: int) -> dict[str, Any]:
    """Return an EventPage, the events of which are JSON already: each is rendered once."""
    limit = call.number("limit", _USUAL, 1, _MOST)
    types = types_in(call)
    found = await recorded(call, run_id, after, limit + 1)
    more, events = len(found.events) > limit, found.events[:limit]
    last = events[-1] if events else None
    # What is read again from the views is another object each time: nobody meets it twice.
    render = RENDERED.of if found.live else rendered
    return {
        "shape": shapes.SHAPE,
        "run_id": run_id,
        "events": [msgspec.Raw(render(e)) for e in events if types is None or e.type in types],
        "next_after": last.meta.seq if last else after,
        "has_more": more,
        "ended": last is not None and last.type in TERMINAL,
    }


class Found(NamedTuple):
    """Events of a run in order; ``live`` where the journal had them, and not the views."""

    events: list[journal.Event]
    live: bool = False


async def recorded(call: Call[None], run_id: str, after: int, limit: int) -> Found:
    """Return events of a run: of one that has ended by the views, of one that lives by those and
    the journal behind them, or by the journal alone.

    Raises NotFoundError for a run that is not there, or not this tenant's.
    """
    known = await call.gateway.ask_if_there(
        call.caller, lambda views: ended_events(views, run_id, after, limit)
    )
    if known is not None:
        return Found(known)
    if (found := await call.gateway.events_of(call.caller, run_id)) is not None:
        return Found(list(islice((e for e in found if e.meta.seq > after), limit)))
    return Found(await _on_journal(call, run_id, after, limit), live=True)


async def _on_journal(call: Call[None], run_id: str, after: int, limit: int) -> list[journal.Event]:
    client, scope = call.gateway.client(call.caller), TenantScope(call.caller.tenant_id)
    found: list[journal.Event] = []
    try:
        async for event in async_follow.journal_of(client, scope, run_id, after):
            found.append(event)
            if len(found) == limit:
                break
    except NotFoundError:
        # One that was asked for is there, and has no event yet.
        await detail(client, call.gateway.reader, scope, run_id)
    return found


async def _streamed(call: Call[None], run_id: str, after: int) -> Response:
    gateway, caller = call.gateway, call.caller
    types, deltas = types_in(call), switch_in(call, "deltas")
    source = RunSource(gateway.hubs.events, run_id, caller.tenant_id, after, types)
    leave = gateway.use.listen(caller.tenant_id)
    async with AsyncExitStack() as unless_sent:
        unless_sent.callback(leave)
        unless_sent.push_async_callback(source.close)
        await source.open(gateway.hubs.pieces if deltas else None)
        if source.tenant_id != caller.tenant_id:
            # Once an answer has begun, it can no more say that there is no such run.
            asked = await asyncio.to_thread(request_of, gateway.reader, run_id)
            if source.tenant_id is not None or asked is None or asked.tenant_id != caller.tenant_id:
                raise no_run(run_id)
        if source.is_over:
            # Nothing comes any more: 204 tells a browser not to come back.
            return Response(status_code=204)
        unless_sent.pop_all()
    return EventStream(source, gateway.use, leave, gateway.watch(call.request))


ROUTES = (
    Route(
        "GET", "/runs/{run_id}/events", "get_run_events",
        "See a run's events: a page, or with `Accept: text/event-stream` a stream to its end",
        identity.READ, events, {200: shapes.EventPage, 204: None}, None,
        (
            Parameter(
                "after", "The number of the last event that is known.",
                {"type": "integer", "minimum": 0},
            ),
            Parameter(
                "limit", "How many, of a page; with `types`, among how many it looks.",
                {"type": "integer", "minimum": 1, "maximum": _MOST},
            ),
            TYPES,
            Parameter(
                "deltas",
                "Of a stream: also send what models say while they answer, as messages without an "
                "id and of the event `delta`. They are live, and some may be missing.",
                {"type": "boolean"},
            ),
            LAST_EVENT_ID,
        ),
        ("malformed", "not_found", "too_busy", "unavailable"),
        streams=True,
    ),
)  # fmt: skip
