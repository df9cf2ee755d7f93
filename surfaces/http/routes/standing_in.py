"""What people do in the place of a limit, a tool or a model: more, what happened, an answer."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from runfold.events.records.commands import Resolution
from runfold.surfaces.application.runs.asking.submit import more_of
from runfold.surfaces.http.access import identity
from runfold.surfaces.http.reading.contents import content_of, json_of
from runfold.surfaces.http.refusals.problems import Problem
from runfold.surfaces.http.route import Call
from runfold.surfaces.http.routes.controls import Reason, call_id_of, control, steered

_LONG = 100_000
_MOST_CALLS = 100


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Extension(_Body):
    """Let a run use more: amounts by unit, such as `{"usd": 0.50}`."""

    added: dict[str, Decimal | int | str] = Field(min_length=1, max_length=20)
    reason: str = Field(default="", max_length=_LONG)


class Resolved(_Body):
    """Say whether an uncertain call happened, with its result where it is known."""

    call_id: str = Field(max_length=200)
    resolution: Literal["happened", "did_not_happen"]
    result: Any = None
    comment: str | None = Field(default=None, max_length=_LONG)


class Proposed(_Body):
    """A call that a person proposes."""

    tool: str = Field(min_length=1, max_length=200)
    arguments: dict[str, Any] = Field(default_factory=dict)


class Reply(_Body):
    """Answer in the model's place: with words, with calls, or both."""

    text: str | None = Field(default=None, max_length=1_000_000)
    calls: tuple[Proposed, ...] = Field(default=(), max_length=_MOST_CALLS)


class Result(_Body):
    """Answer an open call in its tool's place; `failed` says that it could not be done."""

    call_id: str = Field(max_length=200)
    result: Any
    failed: bool = False


async def extend(call: Call[Extension]) -> Response:
    """Let a run use more than its limits allow."""
    added = more_of(call.body.added)
    return await steered(call, lambda c: c.extend(call.path("run_id"), added, call.body.reason))


async def deny_extension(call: Call[Reason]) -> Response:
    """Let a run end that waits for more."""
    return await steered(call, lambda c: c.deny_extension(call.path("run_id"), call.body.reason))


async def resolve(call: Call[Resolved]) -> Response:
    """Say whether an uncertain call happened."""
    run_id, body = call.path("run_id"), call.body
    call_id = call_id_of(run_id, body.call_id, "/call_id")
    given = "result" in body.model_fields_set
    result = json_of(body.result, "/result") if given else None
    resolution = Resolution(body.resolution)
    return await steered(
        call, lambda c: c.resolve(run_id, call_id, resolution, result, body.comment)
    )


async def reply(call: Call[Reply]) -> Response:
    """Answer in the model's place."""
    body = call.body
    if body.text is None and not body.calls:
        raise Problem("invalid", "A reply has a text, or calls.")
    said = None if body.text is None else content_of(body.text, "/text")
    calls = [(each.tool, json_of(each.arguments, "/calls")) for each in body.calls]
    return await steered(call, lambda c: c.reply(call.path("run_id"), said, calls))


async def give_result(call: Call[Result]) -> Response:
    """Answer an open call in its tool's place."""
    run_id, body = call.path("run_id"), call.body
    call_id = call_id_of(run_id, body.call_id, "/call_id")
    result = json_of(body.result, "/result")
    return await steered(call, lambda c: c.give_result(run_id, call_id, result, failed=body.failed))


ROUTES = (
    control("extend", "Let a run use more", identity.DECIDE, extend, Extension),
    control(
        "deny-extension", "Let a run end that waits for more", identity.DECIDE, deny_extension,
        Reason,
    ),
    control("resolve", "Say whether a call happened", identity.DECIDE, resolve, Resolved),
    control("reply", "Answer in the model's place", identity.DECIDE, reply, Reply),
    control("results", "Answer in a tool's place", identity.DECIDE, give_result, Result),
)  # fmt: skip
