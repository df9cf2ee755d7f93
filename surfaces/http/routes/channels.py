"""Channels: what they post, and runs as they are shown there."""

from __future__ import annotations

import asyncio
import json
from html import escape
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from runfold.surfaces.application import shapes
from runfold.surfaces.application.rendering import to_json
from runfold.surfaces.application.scope import TenantScope
from runfold.surfaces.channels.adapters.email import Envelope
from runfold.surfaces.channels.adapters.slack import escaped
from runfold.surfaces.channels.composing.picture import Picture
from runfold.surfaces.channels.inbound.directory import SLACK, TEAMS
from runfold.surfaces.channels.inbound.intents import Heard, Inbound
from runfold.surfaces.channels.inbound.reading import pressed
from runfold.surfaces.channels.links import TokenError, signed_by
from runfold.surfaces.channels.port import Payload
from runfold.surfaces.channels.rendering import (
    Wiring,
    adapter_of,
    known_channel,
    profile_for,
    rendered,
)
from runfold.surfaces.channels.viewing import look_at
from runfold.surfaces.http.access import identity
from runfold.surfaces.http.access.identity import Caller, marks_of
from runfold.surfaces.http.channels.acting import Acting, Answer, act_within, unshown
from runfold.surfaces.http.channels.letting_in import caller_on, person_of, workspace_of
from runfold.surfaces.http.gateway import Gateway
from runfold.surfaces.http.refusals.problems import Problem
from runfold.surfaces.http.route import Call, Parameter, Route, answered

_ACK_S = {SLACK: 2.4, TEAMS: 4.0}
"""Slack lets three seconds pass, Teams five for what a person waits for."""

_JSON = "application/json"
_LONGEST = 100


class LinkDecision(BaseModel):
    """A call decided by the token of a link; `text` is the reason, or the answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: str = Field(min_length=1, max_length=2_000)
    text: str = Field(default="", max_length=10_000)


async def slack(call: Call[bytes]) -> Response:
    """Take a slash command or a button; its signature is checked over the bytes of the body."""
    return await _inbound(call, SLACK)


async def teams(call: Call[bytes]) -> Response:
    """Take a message to an outgoing webhook; its signature is checked over the bytes."""
    return await _inbound(call, TEAMS)


async def decide(call: Call[LinkDecision]) -> Response:
    """Decide a call by the token of a link: it names who may, and the key must be theirs."""
    channels, caller = call.gateway.channels, call.caller
    key = (await channels.links(caller)).key
    try:
        signed = signed_by(call.body.token, key, channels.wall())
    except TokenError as error:
        raise Problem("invalid", f"/token: {error}.") from None
    if (signed.tenant_id, signed.user_id) != (caller.tenant_id, caller.user_id):
        raise Problem("other_tenant", "This link is for somebody else.")
    intent = pressed(str(signed.action), call.body.text)
    done = await Acting(call.gateway, caller, "email", within=15.0).act(Heard(intent))
    said = shapes.Rendering(
        run_id=signed.action.run_id,
        channel="email",
        media_type="text/plain",
        body=done.text,
        seq=done.picture.detail.seq if done.picture else 0,
    )
    return answered(said)


async def render(call: Call[None]) -> Response:
    """Show a run as a channel does; with `seen`, what was said before, and what is new."""
    run_id, caller, gateway = call.path("run_id"), call.caller, call.gateway
    channel = known_channel(call.text("channel") or "api")
    asked = call.text("profile")
    if asked is not None and len(asked) > _LONGEST:
        raise Problem("malformed", f"The parameter profile has more than {_LONGEST} characters.")
    seen = call.number("seen", 0, 0, 2**31) if call.text("seen") is not None else None
    await gateway.note_read(caller, "GET /runs/{run_id}/render", run_id)
    client, scope = gateway.client(caller), TenantScope(caller.tenant_id)
    picture = await look_at(client, gateway.reader, scope, run_id)
    made = await _rendered(gateway, caller, picture, channel, asked, seen)
    said = shapes.Rendering(
        run_id=run_id,
        channel=channel,
        media_type=made.media_type,
        body=json.loads(made.body) if made.media_type == _JSON else made.body,
        seq=picture.detail.seq,
        seen=seen,
    )
    return answered(said)


async def _rendered(
    gateway: Gateway,
    caller: Caller,
    picture: Picture,
    channel: str,
    asked: str | None = None,
    seen: int | None = None,
) -> Payload:
    known = await asyncio.to_thread(gateway.definitions)
    profile = profile_for(known, caller.tenant_id, channel, asked, picture)
    wiring = Wiring(await gateway.channels.links(caller), envelope=Envelope())
    return rendered(picture, channel, profile, seen=seen, wiring=wiring)


async def _inbound(call: Call[bytes], channel: str) -> Response:
    gateway, channels = call.gateway, call.gateway.channels
    heard = adapter_of(channel).read(Inbound(call.body))
    known = await workspace_of(channels, channel, call.request, call.body, heard)
    # From here on the channel vouches for it.
    gateway.use.take(f"{channel}/{known.workspace.team}")
    person = person_of(known.workspace, heard.sender)
    if person is None:
        who = heard.sender.user or "somebody without a name"
        done = Answer(f"{who} is not known here, and nothing was done.")
        return _answer(gateway, channel, heard, done)
    caller = caller_on(channel, known.workspace, person, marks_of(call.request))
    acting = Acting(gateway, caller, channel, known.workspace, signature=known.signature)
    done = await act_within(acting, heard, _ACK_S[channel])
    if done.picture is None:
        return _answer(gateway, channel, heard, done)
    try:
        shown = await _rendered(gateway, caller, done.picture, channel)
    except Exception as error:  # noqa: BLE001 - what was done stands, whatever goes wrong now
        return _answer(gateway, channel, heard, unshown(done, error))
    return _answer(gateway, channel, heard, done, json.loads(shown.body))


def _answer(
    gateway: Gateway,
    channel: str,
    heard: Heard,
    done: Answer,
    shown: dict[str, Any] | None = None,
) -> Response:
    """Return the answer; where a button was pressed, it is posted as well: Slack shows no other."""
    pressed_at = heard.sender.answer_to
    answer = _said(channel, done, shown, replaces=bool(pressed_at) and shown is not None)
    # What came before was shown then: whoever sends it again has nobody told anything.
    if pressed_at and not done.again:
        gateway.channels.show_anew(pressed_at, bytes(answer.body))
    return answer


def _said(
    channel: str, done: Answer, shown: dict[str, Any] | None = None, *, replaces: bool = False
) -> Response:
    """Return what a channel shows as the answer: to who asked alone, where it can be."""
    if channel == SLACK:
        message: dict[str, Any] = dict(shown or {})
        text = escaped(done.text)
        if shown is None:
            message = {"text": text, "parse": "none", "link_names": False}
        elif text:
            notice = {"type": "mrkdwn", "text": text[:3_000], "verbatim": True}
            message["blocks"] = [{"type": "section", "text": notice}, *message["blocks"][:49]]
        message["response_type"] = "ephemeral"
        message["replace_original"] = replaces
        return Response(to_json(message), media_type=_JSON)
    if shown is None:
        return Response(to_json({"type": "message", "text": _plain(done.text)}), media_type=_JSON)
    if done.text:
        run = {"type": "TextRun", "text": done.text}
        shown["attachments"][0]["content"]["body"].insert(
            0, {"type": "RichTextBlock", "inlines": [run]}
        )
    return Response(to_json(shown), media_type=_JSON)


def _plain(text: str) -> str:
    """Return a text for Teams, which takes the text of a message for HTML and Markdown."""
    return "".join(f"\\{each}" if each in "\\`*_[]#~" else each for each in escape(text))


_CHANNEL = Parameter("channel", "Such as api, cli, web, mobile, voice, slack, teams, email.")

ROUTES = (
    Route(
        "GET", "/runs/{run_id}/render", "render_run", "See a run as a channel shows it",
        identity.READ, render, {200: shapes.Rendering}, None,
        (
            _CHANNEL,
            Parameter("profile", "A response profile: `name` or `name@version`."),
            Parameter(
                "seen", "The number of the last event that the person has been shown.",
                {"type": "integer", "minimum": 0},
            ),
        ),
        ("not_found", "invalid", "malformed"),
    ),
    Route(
        "POST", "/channels/slack", "slack", "Take what Slack posts", None, slack, {200: None},
        problems=("unsigned", "too_many_requests", "unavailable", "malformed", "too_large",
                  "too_slow", "unsupported_media_type"), raw="application/x-www-form-urlencoded",
    ),
    Route(
        "POST", "/channels/teams", "teams", "Take what Teams posts", None, teams, {200: None},
        problems=("unsigned", "too_many_requests", "unavailable", "malformed", "too_large",
                  "too_slow", "unsupported_media_type"), raw=_JSON,
    ),
    Route(
        "POST", "/channels/decide", "decide", "Decide a call by the token of a link",
        identity.DECIDE, decide, {200: shapes.Rendering}, LinkDecision, (),
        ("not_found", "other_tenant"),
    ),
)  # fmt: skip
