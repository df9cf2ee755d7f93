"""Web push: which of their browsers a person is told in; each sees and changes their own alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import psycopg
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from runfold.infra.http.push.target import Target, WrongTargetError
from runfold.processors.delivery.errors import DeliveryTablesError
from runfold.processors.delivery.push.browsers import Browser
from runfold.surfaces.application import shapes
from runfold.surfaces.application.delivery import browsers as use
from runfold.surfaces.http.access import identity
from runfold.surfaces.http.refusals.problems import Problem
from runfold.surfaces.http.route import Call, Route, answered

T = TypeVar("T")


class BrowserKeys(BaseModel):
    """What messages are encrypted for: `p256dh` and `auth`, both in base64url."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    p256dh: str = Field(max_length=200)
    auth: str = Field(max_length=100)


class SubscribeBrowser(BaseModel):
    """A `PushSubscription` as a browser gives it (`toJSON()`), with a name of yours for it."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    endpoint: str = Field(max_length=2000)
    expiration_time: float | None = Field(default=None, alias="expirationTime")
    keys: BrowserKeys
    label: str = Field(default="", max_length=200)


async def offered(call: Call[None]) -> Response:
    """Say the key that a page subscribes a browser with."""
    await call.gateway.note_read(call.caller, "GET /notifications/push")
    return answered(shapes.PushOffer(public_key=_key(call)))


async def listed(call: Call[None]) -> Response:
    """List the key's user's own browsers, the oldest first."""
    await call.gateway.note_read(call.caller, "GET /notifications/browsers")
    who = call.caller
    found = await _asked(call, lambda url: use.listed(url, who.tenant_id, who.user_id))
    return answered(shapes.PushBrowserList(browsers=tuple(found)))


async def added(call: Call[SubscribeBrowser]) -> Response:
    """Tell the key's user in a browser as well; the same one again changes nothing but its name."""
    said, who, key = call.body, call.caller, _key(call)
    if not said.label.isprintable():
        raise _wrong("/label", "The label must be text on one line.")
    rules = call.gateway.push.rules
    try:
        target = Target.checked(said.endpoint, said.keys.p256dh, said.keys.auth, rules)
    except WrongTargetError as error:
        raise _wrong(error.pointer, str(error)) from error
    now = datetime.now(UTC)
    browser = Browser(who.tenant_id, who.user_id, target, key, said.label, now)
    shown, is_new = await _asked(call, lambda url: use.add(url, browser))
    return answered(shown, 201 if is_new else 200)


async def removed(call: Call[None]) -> Response:
    """Tell the key's user nothing more in a browser, and forget it."""
    who, browser_id = call.caller, call.path("browser_id")
    count = await _asked(call, lambda url: use.removed(url, who.tenant_id, who.user_id, browser_id))
    if not count:
        raise Problem("not_found", "You have subscribed no such browser.")
    return Response(status_code=204)


def _wrong(pointer: str, sentence: str) -> Problem:
    return Problem("invalid", sentence, errors=({"pointer": pointer, "detail": sentence},))


def _key(call: Call[Any]) -> str:
    key = call.gateway.push.public_key
    if not key:
        raise Problem("no_web_push", "No key of web push is set here.")
    return key


async def _asked(call: Call[Any], question: Callable[[str], T]) -> T:
    try:
        return await asyncio.to_thread(question, call.gateway.reads_to())
    except DeliveryTablesError as error:
        raise Problem("unavailable", str(error)) from error
    except psycopg.Error as error:
        raise Problem("unavailable", "The table of browsers cannot be reached now.") from error


_ALL = "/notifications/browsers"

ROUTES = (
    Route(
        "GET", "/notifications/push", "get_push_key", "See what a page subscribes with",
        identity.READ, offered, {200: shapes.PushOffer}, problems=("no_web_push",),
    ),
    Route(
        "GET", _ALL, "list_browsers", "See your browsers", identity.READ, listed,
        {200: shapes.PushBrowserList}, problems=("unavailable",),
    ),
    Route(
        "POST", _ALL, "add_browser", "Be told in a browser", identity.READ, added,
        {201: shapes.PushBrowser, 200: shapes.PushBrowser}, SubscribeBrowser, (),
        ("invalid", "no_web_push", "unavailable"),
    ),
    Route(
        "DELETE", f"{_ALL}/{{browser_id}}", "remove_browser", "Be told nothing more in a browser",
        identity.READ, removed, {204: None}, problems=("not_found", "unavailable"),
    ),
)  # fmt: skip
