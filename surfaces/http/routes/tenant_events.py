"""The events of all runs of a tenant, as a stream: of some types, agents and labels."""

from __future__ import annotations

from contextlib import AsyncExitStack

from starlette.responses import Response

from runfold.events.run import Event
from runfold.producers.errors import NoTopicError, RefusedError
from runfold.producers.follow.watching import TooFarBehindError
from runfold.surfaces.http.access import identity
from runfold.surfaces.http.gateway import Gateway
from runfold.surfaces.http.refusals.problems import Problem
from runfold.surfaces.http.route import Call, Parameter, Route
from runfold.surfaces.http.streams.asking import LAST_EVENT_ID, TYPES, is_asked, types_in
from runfold.surfaces.http.streams.cards import Card, Cards, Which, card_of
from runfold.surfaces.http.streams.of_tenant import TenantSource
from runfold.surfaces.http.streams.position import position_of
from runfold.surfaces.http.streams.response import EventStream

_MOST_LABELS = 10


async def stream(call: Call[None]) -> Response:
    """Stream the events of a tenant's runs: from a position on, or from now."""
    gateway, caller = call.gateway, call.caller
    await gateway.note_read(caller, "GET /events")
    types, which = types_in(call), _which(call)
    said = call.request.headers.get("last-event-id", "").strip() or call.text("after")
    after = position_of(said) if said else None
    if not is_asked(call.request):
        raise Problem("not_acceptable", "Send `Accept: text/event-stream`: this is a stream only.")
    source = TenantSource(
        gateway.hubs.events, caller.tenant_id, types, which, _cards(gateway, caller.tenant_id)
    )
    leave = gateway.use.listen(caller.tenant_id)
    async with AsyncExitStack() as unless_sent:
        unless_sent.callback(leave)
        unless_sent.push_async_callback(source.close)
        try:
            await source.open(after)
        except TooFarBehindError as error:
            raise Problem(
                "too_far_behind", f"{error} Begin from now, and read what was from `GET /runs`."
            ) from None
        except NoTopicError:
            raise
        except RefusedError as error:
            raise Problem("cursor_malformed", str(error)) from None
        unless_sent.pop_all()
    return EventStream(source, gateway.use, leave, gateway.watch(call.request))


def _which(call: Call[None]) -> Which:
    labels = []
    for said in call.request.query_params.getlist("label"):
        key, found, value = said.partition("=")
        if not (key and found):
            raise Problem("malformed", "The parameter label must be `key=value`.")
        labels.append((key, value))
    if len(labels) > _MOST_LABELS:
        raise Problem("malformed", f"{len(labels)} labels are named, and {_MOST_LABELS} may be.")
    return Which(call.text("agent"), tuple(labels))


def _cards(gateway: Gateway, tenant_id: str) -> Cards:
    async def find(run_id: str) -> Card | None:
        """Read a run's first event, which is where the journal has it."""
        async with gateway.hubs.events.async_following(run_id) as following:
            for event in await following.past():
                if event.meta.tenant_id == tenant_id and (card := _first(event)) is not None:
                    return card
        return None

    return Cards(find)


def _first(event: Event) -> Card | None:
    return card_of(event) if event.meta.seq == 1 else None


ROUTES = (
    Route(
        "GET", "/events", "stream_events",
        "Stream the events of the tenant's runs, from now or from a position on",
        identity.READ, stream, {200: None}, None,
        (
            Parameter("after", "The `id` of the last message; from now where it is left out."),
            TYPES,
            Parameter(
                "agent", "Only of runs of this agent.", {"type": "string", "maxLength": 200}
            ),
            Parameter(
                "label", "Only of runs with this label, as `key=value`; may come several times.",
                {"type": "array", "items": {"type": "string"}},
            ),
            LAST_EVENT_ID,
        ),
        (
            "malformed", "cursor_malformed", "not_acceptable", "too_far_behind", "too_busy",
            "unavailable",
        ),
        streams=True,
    ),
)  # fmt: skip
