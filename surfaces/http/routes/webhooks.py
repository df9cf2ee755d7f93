"""Webhooks of the key's tenant: subscribe, see what became of deliveries, replay, rotate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import psycopg
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from runfold.events.definitions import SUBSCRIPTION, Definitions
from runfold.processors.definitions.publisher import next_version
from runfold.processors.delivery.log import DeliveryLog
from runfold.surfaces.application import shapes
from runfold.surfaces.application.delivery import webhooks as use
from runfold.surfaces.application.delivery.replaying import replay, start_of
from runfold.surfaces.application.governing.definitions import Governing, Who, read_definitions
from runfold.surfaces.http.access import identity
from runfold.surfaces.http.refusals.problems import Problem
from runfold.surfaces.http.route import Call, Parameter, Route, answered
from runfold.surfaces.http.routes.definitions import Decision, published

T = TypeVar("T")

_MOST = 500
_LIMIT = {"type": "integer", "minimum": 1, "maximum": _MOST, "default": 100}


class Subscribe(BaseModel):
    """A subscription; without a version it is the next one of its name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(max_length=253)
    version: str | None = Field(default=None, max_length=40)
    description: str = Field(default="", max_length=2000)
    url: str = Field(max_length=2000)
    secrets: tuple[str, ...] = Field(min_length=1, max_length=5)
    events: tuple[str, ...] = Field(min_length=1, max_length=100)
    filter: dict[str, Any] = Field(default_factory=dict)
    contents: Literal["thin", "event"] = "thin"
    timeout_ms: int = Field(default=15_000, ge=1_000, le=30_000)
    concurrency: int = Field(default=8, ge=1, le=64)


class Replay(BaseModel):
    """From where: a moment such as `2026-11-30T12:00Z`, or positions such as `0:120,3:77`."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    start: str = Field(alias="from", min_length=1, max_length=2000)


class Rotate(BaseModel):
    """The name of the next secret; without one, the newest alone is used from now on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    secret: str | None = Field(default=None, max_length=200)


async def listed(call: Call[None]) -> Response:
    """List the tenant's own subscriptions."""
    await call.gateway.note_read(call.caller, "GET /webhooks")
    tenant = call.caller.tenant_id
    found = await _asked(call, lambda known, log: use.webhooks(known, log, tenant))
    return answered(shapes.WebhookList(webhooks=tuple(found)))


async def shown(call: Call[None]) -> Response:
    """Show one, and how its receiver does."""
    await call.gateway.note_read(call.caller, "GET /webhooks/{name}")
    return answered(await _asked(call, _one(call)))


async def subscribed(call: Call[Subscribe]) -> Response:
    """Publish a subscription for the key's tenant."""
    said, publishing = call.body, call.gateway.publish
    if said.contents == "event":
        # What happens in runs goes to an address that whoever asks has chosen.
        identity.need_scope(call.caller, identity.READ)
    if publishing is None:
        raise Problem("unavailable", "Nothing can be published here.")
    tenant = call.caller.tenant_id

    def publish() -> Response:
        version = said.version or _next(read_definitions(call.gateway.reader), said.name, tenant)
        spec = said.model_dump(mode="json", exclude={"name", "version", "description"})
        made = use.manifest(said.name, version, said.description, spec)
        return published(publishing, call.caller, (made,))

    return await asyncio.to_thread(publish)


async def logged(call: Call[None]) -> Response:
    """List its deliveries with every attempt, the newest first."""
    await call.gateway.note_read(call.caller, "GET /webhooks/{name}/deliveries")
    before = call.number("before", 0, 1, 2**62) or None
    most = call.number("limit", 100, 1, _MOST)
    state, run = call.text("state"), call.text("run_id")

    def ask(known: Definitions, log: DeliveryLog) -> list[shapes.WebhookDelivery]:
        key, _ = use.in_force(known, call.path("name"), call.caller.tenant_id)
        return use.deliveries(log, key, most, before, state, run)

    return answered(shapes.WebhookLog(deliveries=tuple(await _asked(call, ask))))


async def replayed(call: Call[Replay]) -> Response:
    """Send events once more, from a moment or a position to now, by the ids that they had."""
    start = start_of(call.body.start)

    def ask(known: Definitions, log: DeliveryLog) -> shapes.WebhookReplay:
        key, made = use.in_force(known, call.path("name"), call.caller.tenant_id)
        return replay(call.gateway.reader, known, log, key, made, start)

    with call.gateway.use.replaying(call.caller.tenant_id):
        return answered(await _asked(call, ask), 202)


async def rotated(call: Call[Rotate]) -> Response:
    """Sign with another secret beside the one until now, or with the newest alone."""
    publishing = call.gateway.publish
    if publishing is None:
        raise Problem("unavailable", "Nothing can be published here.")

    def publish(known: Definitions, log: DeliveryLog) -> Response:
        key, made = use.in_force(known, call.path("name"), call.caller.tenant_id)
        made_next = use.rotated(log, key, made, call.body.secret)
        return published(publishing, call.caller, (made_next,))

    return await _asked(call, publish)


async def enabled(call: Call[Decision]) -> Response:
    """Switch one on again: it gets what happens from now on."""
    return await _switched(call, stopped=False)


async def disabled(call: Call[Decision]) -> Response:
    """Switch one off: what is open for it is dropped."""
    return await _switched(call, stopped=True)


async def notified(call: Call[None]) -> Response:
    """List notifications of the tenant's subscribers, the newest first."""
    await call.gateway.note_read(call.caller, "GET /notifications")
    tenant, state = call.caller.tenant_id, call.text("state")
    most = call.number("limit", 100, 1, _MOST)

    def ask(_known: Definitions, log: DeliveryLog) -> list[shapes.Notification]:
        return use.notifications(log, tenant, state, most)

    return answered(shapes.NotificationList(notifications=tuple(await _asked(call, ask))))


async def _switched(call: Call[Decision], *, stopped: bool) -> Response:
    caller, name = call.caller, call.path("name")
    who = Who(caller.user_id, call.body.reason, caller.roles)
    governing = Governing(call.gateway.reader, call.gateway.writer, who, caller.tenant_id)

    def decide() -> None:
        use.in_force(read_definitions(call.gateway.reader), name, caller.tenant_id)
        governing.switch(f"{SUBSCRIPTION}/{name}", stopped=stopped)

    await asyncio.to_thread(decide)
    return answered(await _asked(call, _one(call)))


def _one(call: Call[Any]) -> Callable[[Definitions, DeliveryLog], shapes.Webhook]:
    return lambda known, log: use.webhook(known, log, call.path("name"), call.caller.tenant_id)


async def _asked(call: Call[Any], question: Callable[[Definitions, DeliveryLog], T]) -> T:
    def ask() -> T:
        known = read_definitions(call.gateway.reader)
        try:
            return question(known, DeliveryLog(call.gateway.reads_to()))
        except psycopg.Error as error:
            raise Problem("unavailable", "What was delivered cannot be read now.") from error

    return await asyncio.to_thread(ask)


def _next(known: Definitions, name: str, tenant: str) -> str:
    versions = [
        (each.position, each.definition.version)
        for each in known
        if each.kind == SUBSCRIPTION and each.tenant == tenant and each.definition.name == name
    ]
    return next_version(max(versions)[1]) if versions else "1.0.0"


_ONE = "/webhooks/{name}"
_ERRORS = ("invalid", "not_found", "unavailable")
_READ, _WRITE = identity.WEBHOOKS_READ, identity.WEBHOOKS_WRITE

ROUTES = (
    Route(
        "GET", "/webhooks", "list_webhooks", "See the webhooks of the key's tenant",
        _READ, listed, {200: shapes.WebhookList}, problems=("unavailable",),
    ),
    Route(
        "POST", "/webhooks", "create_webhook", "Subscribe to events",
        _WRITE, subscribed, {201: shapes.Published, 200: shapes.Published}, Subscribe, (), _ERRORS,
    ),
    Route(
        "GET", _ONE, "get_webhook", "See one and how its receiver does",
        _READ, shown, {200: shapes.Webhook}, problems=_ERRORS,
    ),
    Route(
        "GET", f"{_ONE}/deliveries", "list_webhook_deliveries", "See what was delivered",
        _READ, logged, {200: shapes.WebhookLog}, None,
        (
            Parameter("state", "Only open, delivered, failed or dropped ones."),
            Parameter("run_id", "Only of this run."),
            Parameter("before", "Only numbers below this one.", {"type": "integer", "minimum": 1}),
            Parameter("limit", "How many at most.", _LIMIT),
        ),
        ("malformed", *_ERRORS),
    ),
    Route(
        "POST", f"{_ONE}/replay", "replay_webhook", "Send events once more",
        _WRITE, replayed, {202: shapes.WebhookReplay}, Replay, (),
        (*_ERRORS, "replays_open", "too_busy"),
    ),
    Route(
        "POST", f"{_ONE}/rotate", "rotate_webhook", "Change the secret that it is signed with",
        _WRITE, rotated, {201: shapes.Published, 200: shapes.Published}, Rotate, (), _ERRORS,
    ),
    Route(
        "POST", f"{_ONE}/enable", "enable_webhook", "Switch one on again",
        _WRITE, enabled, {200: shapes.Webhook}, Decision, (), _ERRORS,
    ),
    Route(
        "POST", f"{_ONE}/disable", "disable_webhook", "Switch one off",
        _WRITE, disabled, {200: shapes.Webhook}, Decision, (), _ERRORS,
    ),
    Route(
        "GET", "/notifications", "list_notifications", "See notifications of the tenant's people",
        _READ, notified, {200: shapes.NotificationList}, None,
        (
            Parameter("state", "Only open, sent, failed, unknown or dropped ones."),
            Parameter("limit", "How many at most.", _LIMIT),
        ),
        ("malformed", "invalid", "unavailable"),
    ),
)  # fmt: skip
