"""Controls of a run: the same events and checks as the command line's, and what became of them.

An answer of 200 is what is on record: the event that the control led to, applied or ignored. 202
says that the control is durable, and that nothing of it was on record in time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from runfold.events.records.commands import HOLD_MS
from runfold.producers.client import AsyncRunClient
from runfold.producers.client.deciding import holds_of
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import NoEffectYetError
from runfold.surfaces.application.runs.asking.steer_once import steer_once
from runfold.surfaces.application.runs.reading.accepted import steer
from runfold.surfaces.application.runs.reading.lists import split_call_id
from runfold.surfaces.http.access import identity
from runfold.surfaces.http.reading.contents import content_of, json_of
from runfold.surfaces.http.reading.requesting import IDEMPOTENCY_KEY, asked_by
from runfold.surfaces.http.refusals.problems import Problem
from runfold.surfaces.http.route import Call, Route, answered

_LONG = 100_000


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Reason(_Body):
    """Why somebody steers a run."""

    reason: str = Field(default="", max_length=_LONG)


class Approve(_Body):
    """Let a call run. `arguments` replace its own; `shown_digest` names what was shown.

    `call_id` is `RUN.N`, as the inbox shows it, or `N`. `holds_for` is once, run, tool or pattern,
    a pattern with bounds such as `/amount<=100` in `where`; `times` bounds how often.
    """

    call_id: str = Field(max_length=200)
    arguments: Any = None
    comment: str | None = Field(default=None, max_length=_LONG)
    shown_digest: str | None = None
    holds_for: str = "once"
    where: tuple[str, ...] = Field(default=(), max_length=100)
    times: int | None = None
    on_behalf_of: str | None = None


class Deny(_Body):
    """Refuse a call; the model is told the reason."""

    call_id: str = Field(max_length=200)
    reason: str = Field(min_length=1, max_length=_LONG)
    shown_digest: str | None = None
    on_behalf_of: str | None = None


class Message(_Body):
    """Say something to a run: a text, or any other JSON value."""

    content: Any


class Instructions(_Body):
    """Replace a run's instructions from here on."""

    instructions: Any


class Answer(_Body):
    """Answer what the agent asked; `question_id` is as a call's id."""

    question_id: str = Field(max_length=200)
    answer: Any
    shown_digest: str | None = None
    on_behalf_of: str | None = None


class TakeOver(_Body):
    """Answer in the model's place, for `hold_ms` milliseconds unless more is done."""

    reason: str = Field(default="", max_length=_LONG)
    hold_ms: int = Field(default=HOLD_MS, ge=1, lt=2**53)


Send = Callable[[AsyncRunClient], Awaitable[str]]


async def steered(call: Call[Any], send: Send) -> Response:
    """Send a control and answer what became of it; with an Idempotency-Key, send it once."""
    run_id, gateway = call.path("run_id"), call.gateway
    runs = gateway.runs(call.caller)
    word = call.request.url.path.rpartition("/")[2]
    route = f"POST /runs/{run_id}/{word}"
    body = call.body.model_dump(mode="json", exclude_unset=True)
    asked = asked_by(call.request, call.caller, route, lambda: body, needed=False)
    if asked is None:
        try:
            return answered(await steer(runs, gateway.reader, run_id, send))
        except NoEffectYetError as error:
            return _published(run_id, error.request_id)
    became = await steer_once(gateway.once, asked, runs, gateway.reader, run_id, send)
    headers = {"idempotent-replayed": "true"} if became.repeated else {}
    if became.outcome is None:
        return _published(run_id, became.request_id, headers)
    return answered(became.outcome, headers=headers)


def _published(run_id: str, request_id: str, headers: Mapping[str, str] | None = None) -> Response:
    said = shapes.ControlPublished(run_id=run_id, request_id=request_id)
    return answered(said, 202, {"location": f"/runs/{run_id}/events", **(headers or {})})


async def cancel(call: Call[Reason]) -> Response:
    """End a run."""
    return await steered(call, lambda c: c.cancel(call.path("run_id"), call.body.reason))


async def pause(call: Call[Reason]) -> Response:
    """Let a run make no new call."""
    return await steered(call, lambda c: c.pause(call.path("run_id"), call.body.reason))


async def resume(call: Call[Reason]) -> Response:
    """Let a paused run go on."""
    return await steered(call, lambda c: c.resume(call.path("run_id"), call.body.reason))


async def hand_back(call: Call[Reason]) -> Response:
    """Let the model answer again."""
    return await steered(call, lambda c: c.hand_back(call.path("run_id"), call.body.reason))


async def take_over(call: Call[TakeOver]) -> Response:
    """Answer in the model's place."""
    body = call.body
    return await steered(
        call, lambda c: c.take_over(call.path("run_id"), body.reason, body.hold_ms)
    )


async def approve(call: Call[Approve]) -> Response:
    """Let a proposed call run."""
    run_id, body = call.path("run_id"), call.body
    call_id = call_id_of(run_id, body.call_id, "/call_id")
    given = "arguments" in body.model_fields_set
    arguments = json_of(body.arguments, "/arguments") if given else None
    holds = holds_of(body.holds_for, body.where, body.times)
    return await steered(
        call,
        lambda c: c.approve(
            run_id,
            call_id,
            arguments,
            body.comment,
            shown=body.shown_digest,
            holds=holds,
            on_behalf_of=body.on_behalf_of,
        ),
    )


async def deny(call: Call[Deny]) -> Response:
    """Refuse a proposed call."""
    run_id, body = call.path("run_id"), call.body
    call_id = call_id_of(run_id, body.call_id, "/call_id")
    return await steered(
        call,
        lambda c: c.deny(
            run_id,
            call_id,
            body.reason,
            shown=body.shown_digest,
            on_behalf_of=body.on_behalf_of,
        ),
    )


async def messages(call: Call[Message]) -> Response:
    """Say something to a run."""
    said = content_of(call.body.content, "/content")
    return await steered(call, lambda c: c.tell(call.path("run_id"), said))


async def instructions(call: Call[Instructions]) -> Response:
    """Replace a run's instructions."""
    said = content_of(call.body.instructions, "/instructions")
    return await steered(call, lambda c: c.instruct(call.path("run_id"), said))


async def answer(call: Call[Answer]) -> Response:
    """Answer what the agent asked."""
    run_id, body = call.path("run_id"), call.body
    question_id = call_id_of(run_id, body.question_id, "/question_id")
    said = content_of(body.answer, "/answer")
    return await steered(
        call,
        lambda c: c.answer(
            run_id,
            question_id,
            said,
            shown=body.shown_digest,
            on_behalf_of=body.on_behalf_of,
        ),
    )


def call_id_of(run_id: str, typed: str, where: str) -> str:
    """Return a call's whole id: ``RUN.N``, or the ``N`` of it, of this run; raises Problem."""
    text = typed.strip().removeprefix("tool_call_")
    if "." not in text:
        text = f"{run_id}.{text}"
    run, number = split_call_id(text)
    if run.lower().removeprefix("run_") != run_id:
        raise Problem("invalid", f"{where}: it is a call of another run than {run_id}.")
    return f"{run_id}.{number}"


def control(word: str, summary: str, scope: str, endpoint: Any, body: type[BaseModel]) -> Route:
    """Return the route of a control: ``word`` is the last part of its path."""
    return Route(
        "POST",
        f"/runs/{{run_id}}/{word}",
        f"{word.replace('-', '_')}_run",
        summary,
        scope,
        endpoint,
        {200: shapes.ControlOutcome, 202: shapes.ControlPublished},
        body,
        (IDEMPOTENCY_KEY,),
        (
            "invalid",
            "not_found",
            "run_ended",
            "idempotency_key_malformed",
            "other_request",
            "under_way",
            "not_yet",
            "unavailable",
        ),
    )


ROUTES = (
    control("cancel", "End a run", identity.WRITE, cancel, Reason),
    control("pause", "Let a run make no new call", identity.WRITE, pause, Reason),
    control("resume", "Let a paused run go on", identity.WRITE, resume, Reason),
    control("messages", "Say something to a run", identity.WRITE, messages, Message),
    control("instructions", "Replace its instructions", identity.WRITE, instructions, Instructions),
    control("approve", "Let a proposed call run", identity.DECIDE, approve, Approve),
    control("deny", "Refuse a proposed call", identity.DECIDE, deny, Deny),
    control("answer", "Answer what the agent asked", identity.DECIDE, answer, Answer),
    control("take-over", "Answer in the model's place", identity.DECIDE, take_over, TakeOver),
    control("hand-back", "Let the model answer again", identity.DECIDE, hand_back, Reason),
)
