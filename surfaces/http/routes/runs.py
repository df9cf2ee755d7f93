"""Runs: ask for one, list them, see where one stands."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from runfold.events.contents.attachments import MOST
from runfold.events.values import Attachment, DataClassification, Label, Limits, RunStatus
from runfold.producers.client import RequestOptions
from runfold.producers.client.broker_time import BOUND, OLDEST
from runfold.producers.identity import made_at
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import NotFoundError, NotYetError
from runfold.surfaces.application.runs.asking.attaching import Wanted, attach
from runfold.surfaces.application.runs.reading.accepted import detail, view_of
from runfold.surfaces.application.runs.reading.history import ended_detail
from runfold.surfaces.application.runs.reading.lists import RunOptions, list_runs
from runfold.surfaces.application.runs.reading.run_detail import detail_of
from runfold.surfaces.application.scope import TenantScope
from runfold.surfaces.http.access import identity
from runfold.surfaces.http.access.identity import Caller, need_own, subset
from runfold.surfaces.http.reading import paging
from runfold.surfaces.http.reading.contents import content_of
from runfold.surfaces.http.reading.requesting import IDEMPOTENCY_KEY, asked_by, wait_of
from runfold.surfaces.http.refusals.problems import Problem
from runfold.surfaces.http.route import Call, Parameter, Route, answered
from runfold.surfaces.http.routes.artifacts import store_of

_PREFER = Parameter(
    "Prefer",
    "`wait=30`: wait up to 60 s for the run's end, and answer 200 with it.",
    {"type": "string"},
    "header",
)
_IF_NONE_MATCH = Parameter("If-None-Match", "An `ETag` that is known.", place="header")
_NAME = {"type": "string", "maxLength": 200}
_MOMENT = {"type": "string", "format": "date-time"}
_FILTERS = (
    Parameter("status", "Only of this status.", {"enum": sorted(set(RunStatus) - {"unknown"})}),
    Parameter("agent", "Only of this agent.", _NAME),
    Parameter("user_id", "Only of this user.", _NAME),
    Parameter("thread_id", "Only of this conversation.", _NAME),
    Parameter("parent_run_id", "Only what this run asked for.", _NAME),
    Parameter("request_id", "Only what this request asked for, or steered.", _NAME),
    Parameter("created_from", "Only those of this moment or later.", _MOMENT),
    Parameter("created_before", "Only those before this moment.", _MOMENT),
)


class Attached(BaseModel):
    """An artifact that the run begins with: what `POST /artifacts` answered, under a name.

    `untrusted` says that strangers wrote it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    artifact: str = Field(min_length=1, max_length=1000, description="Its id or its ref.")
    name: str = Field(min_length=1, max_length=255, pattern=r"^[^/\\\x00-\x1f\x7f]+$")
    media_type: str = Field(
        default="application/octet-stream",
        max_length=200,
        pattern=r"^[\w!#$&^.+-]{1,64}/[\w!#$&^.+-]{1,64}(;[ -~]*)?$",
    )
    untrusted: bool = False


class RunBody(BaseModel):
    """What a run is asked for with: the fields of a `RunRequested`.

    `goal` is a text, or any other JSON value. `agent` is a name or `name@version`. What is left out
    is the agent's own, or the key's: who asks is never taken from here. Amounts in `limits` are US
    dollars, milliseconds and counts. `run_id` may be a UUIDv7 of the requester's own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    goal: Any = Field(description="A text, or any other JSON value but null.")
    agent: str = Field(min_length=1, max_length=200)
    agent_version: str | None = Field(default=None, max_length=200)
    run_id: str | None = None
    tenant_id: str | None = None
    user_id: str | None = None
    roles: tuple[str, ...] | None = Field(default=None, max_length=100)
    scopes: tuple[str, ...] | None = Field(default=None, max_length=1000)
    limits: Limits | None = None
    data_classification: DataClassification | None = None
    response_profile: str | None = None
    region: str | None = None
    labels: dict[str, str] = Field(default_factory=dict, max_length=100)
    feature: str | None = None
    priority: int = Field(default=0, ge=-(2**31), lt=2**31)
    thread_id: str | None = None
    variant: str | None = None
    deadline: datetime | None = None
    attachments: tuple[Attached, ...] = Field(default=(), max_length=MOST)


async def submit(call: Call[RunBody]) -> Response:
    """Ask for a run; answer once the request is durable."""
    body, caller, gateway = call.body, call.caller, call.gateway
    _need_possible(body, caller)
    goal, options = content_of(body.goal, "/goal"), _options(body, caller)
    if body.attachments:
        options["attachments"] = await _attachments(call)
    runs = gateway.runs(caller)
    asked = asked_by(
        call.request,
        caller,
        "POST /runs",
        lambda: body.model_dump(mode="json", exclude_unset=True),
        needed=gateway.needs_idempotency,
    )

    async def ask(run_id: str | None) -> str:
        own = options if run_id is None else {**options, "run_id": run_id}
        return await runs.submit(goal, body.agent, **own)

    async def is_there(run_id: str) -> bool:
        try:
            await detail(runs.client, gateway.reader, runs.scope, run_id)
        except NotFoundError:
            return False
        return True

    headers: dict[str, str] = {}
    if asked is None:
        run_id = await ask(None)
    elif body.run_id is not None:
        raise Problem("invalid", "/run_id: with an Idempotency-Key the run is given its id here.")
    else:
        run_id, repeated = await gateway.once.submit(asked, ask, is_there)
        if repeated:
            headers["idempotent-replayed"] = "true"
    headers["location"] = f"/runs/{run_id}"
    return await _accepted(call, run_id, headers)


async def _accepted(call: Call[RunBody], run_id: str, headers: dict[str, str]) -> Response:
    """Answer for a run that was asked for; where its end is waited for and comes, with it."""
    seconds = wait_of(call.request, call.gateway.use.limits.longest_wait_s)
    if seconds is not None and await call.gateway.may_show(call.caller, "POST /runs", run_id):
        headers["preference-applied"] = f"wait={seconds:.0f}"
        try:
            exit_ = await call.gateway.runs(call.caller).wait(run_id, max(seconds, 0.1))
        except NotYetError:
            pass
        else:
            ended = await call.gateway.runs(call.caller).status(run_id)
            said = shapes.RunAccepted(run_id=run_id, status=ended.status, exit=exit_)
            return answered(said, 200, headers)
    said = shapes.RunAccepted(run_id=run_id, status=RunStatus.CREATED)
    return answered(said, 202, headers)


async def _attachments(call: Call[RunBody]) -> tuple[Attachment, ...]:
    store, said = store_of(call), call.body.attachments
    wanted = [Wanted(a.artifact, a.name, a.media_type, a.untrusted) for a in said]
    return await asyncio.to_thread(attach, store, call.caller.tenant_id, wanted)


def _options(body: RunBody, caller: Caller) -> RequestOptions:
    said: RequestOptions = {
        "roles": subset("role", body.roles, caller.roles),
        "scopes": subset("scope", body.scopes, caller.run_scopes),
        "data_classification": body.data_classification or caller.data_classification,
        "labels": tuple(Label(key=key, value=value) for key, value in body.labels.items()),
        "priority": body.priority,
        "source": "http",
    }
    for name in (
        "agent_version",
        "run_id",
        "limits",
        "response_profile",
        "region",
        "feature",
        "thread_id",
        "variant",
        "deadline",
    ):
        if (held := getattr(body, name)) is not None:
            said[name] = held
    return said


def _need_possible(body: RunBody, caller: Caller) -> None:
    """Refuse what no run could begin with, and who speaks for somebody else."""
    need_own("tenant_id", body.tenant_id, caller.tenant_id)
    need_own("user_id", body.user_id, caller.user_id)
    if body.goal is None:
        raise Problem("invalid", "/goal: say what the run is to achieve.")
    if body.run_id is not None:
        _need_new_id(body.run_id)


def _need_new_id(run_id: str) -> None:
    """Refuse an id with which no run could begin: nobody would ever hear of it."""
    made = made_at(run_id)
    now = datetime.now(UTC)
    if made is None or run_id != run_id.lower() or len(run_id) != 36:
        raise Problem("invalid", "/run_id: it must be a UUIDv7 in lower case, with hyphens.")
    if not -BOUND < now - made < OLDEST - BOUND:
        raise Problem("invalid", "/run_id: its time is long ago, or in the future: make a new one.")


async def show(call: Call[None]) -> Response:
    """Say where a run stands."""
    run_id, caller = call.path("run_id"), call.caller
    await call.gateway.note_read(caller, "GET /runs/{run_id}", run_id)
    scope = TenantScope(caller.tenant_id)
    # What has ended is one look into an index; what lives is read where it cannot lag.
    found = await call.gateway.ask_if_there(caller, lambda v: ended_detail(v, run_id))
    if found is None and (events := await call.gateway.events_of(caller, run_id)) is not None:
        found = detail_of(events)
    if found is None:
        found = await detail(call.gateway.client(caller), call.gateway.reader, scope, run_id)
    tag = f'"{shapes.SHAPE}.{found.seq}"'
    headers = {"etag": tag, "cache-control": "private, no-cache"}
    known = [each.strip() for each in call.request.headers.get("if-none-match", "").split(",")]
    if found.seq and (tag in known or f"W/{tag}" in known):
        return Response(status_code=304, headers=headers)
    return answered(view_of(found), 200, headers)


async def listed(call: Call[None]) -> Response:
    """List runs, the newest first."""
    said = {f.name: value for f in _FILTERS if (value := call.text(f.name)) is not None}
    limit = call.number("limit", paging.USUAL, 1, paging.MOST)
    options: dict[str, Any] = {
        name: call.moment(name) if name.startswith("created_") else value
        for name, value in said.items()
    }
    if (begins := call.text("cursor")) is not None:
        options["after"] = tuple(paging.place_of(begins, said))
    await call.gateway.note_read(call.caller, "GET /runs")
    which: RunOptions = options  # type: ignore[assignment]
    found = await call.gateway.ask(call.caller, lambda v: list_runs(v, limit + 1, **which))
    page = tuple(found[:limit])
    more = len(found) > limit
    place = paging.Place(page[-1].created_at, page[-1].run_id) if more else None
    following = paging.cursor(place, said) if place else None
    return answered(shapes.RunPage(runs=page, next=following))


ROUTES = (
    Route(
        "POST", "/runs", "submit_run", "Ask for a run", identity.WRITE, submit,
        {202: shapes.RunAccepted, 200: shapes.RunAccepted}, RunBody, (IDEMPOTENCY_KEY, _PREFER),
        (
            "invalid", "other_tenant", "idempotency_key_missing", "idempotency_key_malformed",
            "other_request", "under_way", "in_doubt", "unavailable",
        ),
    ),
    Route(
        "GET", "/runs", "list_runs", "List runs, the newest first", identity.READ, listed,
        {200: shapes.RunPage}, None,
        (
            *_FILTERS,
            Parameter("limit", "How many.", {"type": "integer", "minimum": 1, "maximum": 200}),
            Parameter("cursor", "`next` of the page before."),
        ),
        ("malformed", "invalid", "cursor_malformed", "unavailable"),
    ),
    Route(
        "GET", "/runs/{run_id}", "get_run", "See where a run stands", identity.READ, show,
        {200: shapes.RunView, 304: None}, None, (_IF_NONE_MATCH,), ("not_found", "unavailable"),
    ),
)  # fmt: skip
