"""Feedback: what people say about a run, while it lives or afterwards."""

from __future__ import annotations

import asyncio

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from runfold.events.records.feedback import FeedbackGiven
from runfold.events.values import Label
from runfold.producers.client.options import FeedbackOptions
from runfold.producers.identity import uuid7
from runfold.surfaces.application import shapes
from runfold.surfaces.application.runs.asking.feedback import feedback_of, mean_of, shown
from runfold.surfaces.application.runs.reading.accepted import detail
from runfold.surfaces.application.scope import TenantScope
from runfold.surfaces.http.access import identity
from runfold.surfaces.http.reading.requesting import IDEMPOTENCY_KEY, asked_by
from runfold.surfaces.http.refusals.problems import Problem
from runfold.surfaces.http.route import Call, Route, answered

_LONG = 10_000


class FeedbackBody(BaseModel):
    """What is said about a run: a rating from 1 (bad) to 5 (good), words, or both.

    `correction` is what the answer should have been, `seq` the event that it is about.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rating: int | None = Field(default=None, ge=1, le=5)
    text: str | None = Field(default=None, min_length=1, max_length=_LONG)
    correction: str | None = Field(default=None, min_length=1, max_length=_LONG)
    seq: int | None = Field(default=None, ge=1, lt=2**53)
    labels: dict[str, str] = Field(default_factory=dict, max_length=20)


async def give(call: Call[FeedbackBody]) -> Response:
    """Put on record what the key's user says about a run; answer once it is durable."""
    run_id, body, gateway = call.path("run_id"), call.body, call.gateway
    if body.rating is None and body.text is None and body.correction is None:
        raise Problem("invalid", "Feedback has a rating, a text or a correction.")
    await _need_run(call, run_id)
    options = _options(body)
    said = body.model_dump(mode="json", exclude_unset=True)
    asked = asked_by(
        call.request, call.caller, f"POST /runs/{run_id}/feedback", lambda: said, needed=False
    )
    client = gateway.client(call.caller)

    given: list[FeedbackGiven] = []

    async def publish(feedback_id: str) -> None:
        given.append(await client.say_of(run_id, feedback_id, **options))

    async def is_there(feedback_id: str) -> bool:
        return await _found(call, run_id, feedback_id) is not None

    headers: dict[str, str] = {}
    if asked is None:
        await publish(feedback_id := uuid7())
    else:
        feedback_id, repeated = await gateway.once.submit(asked, publish, is_there, ages=False)
        if repeated:
            headers["idempotent-replayed"] = "true"
    # What was just said is known: an answer that had to read it first could fail, and would be
    # taken for something that was not said.
    found = shown(given[0]) if given else await _found(call, run_id, feedback_id)
    if found is None:
        raise Problem("unavailable", "It is durable, and cannot be read yet: see the list.")
    return answered(found, 201, {"location": f"/runs/{run_id}/feedback", **headers})


async def listed(call: Call[None]) -> Response:
    """Show what was said about a run, the oldest first."""
    run_id = call.path("run_id")
    await call.gateway.note_read(call.caller, "GET /runs/{run_id}/feedback", run_id)
    await _need_run(call, run_id)
    found = await _of(call, run_id)
    said = shapes.FeedbackList(run_id=run_id, feedback=tuple(found), mean_rating=mean_of(found))
    return answered(said)


def _options(body: FeedbackBody) -> FeedbackOptions:
    return {
        "rating": body.rating,
        "text": body.text,
        "correction": body.correction,
        "seq": body.seq,
        "labels": tuple(Label(key=key, value=value) for key, value in body.labels.items()),
        "source": "http",
    }


async def _of(call: Call[FeedbackBody] | Call[None], run_id: str) -> list[shapes.Feedback]:
    reader, tenant = call.gateway.reader, call.caller.tenant_id
    return await asyncio.to_thread(feedback_of, reader, tenant, run_id)


async def _found(call: Call[FeedbackBody], run_id: str, feedback_id: str) -> shapes.Feedback | None:
    return next((f for f in await _of(call, run_id) if f.feedback_id == feedback_id), None)


async def _need_run(call: Call[FeedbackBody] | Call[None], run_id: str) -> None:
    scope = TenantScope(call.caller.tenant_id)
    await detail(call.gateway.client(call.caller), call.gateway.reader, scope, run_id)


ROUTES = (
    Route(
        "POST", "/runs/{run_id}/feedback", "give_feedback", "Say how good a run was",
        identity.WRITE, give, {201: shapes.Feedback}, FeedbackBody, (IDEMPOTENCY_KEY,),
        ("not_found", "idempotency_key_malformed", "other_request", "under_way"),
    ),
    Route(
        "GET", "/runs/{run_id}/feedback", "list_feedback", "See what was said about a run",
        identity.READ, listed, {200: shapes.FeedbackList}, problems=("not_found",),
    ),
)  # fmt: skip
