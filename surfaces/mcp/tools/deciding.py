"""What waits for a person: shown in a form where the client has one, decided by its answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mcp.types import ElicitRequest, ElicitRequestFormParams, ElicitResult
from pydantic import ValidationError

from runfold.events.contents.content import text
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import NoEffectYetError, RefusedError
from runfold.surfaces.application.runs.async_runs import Send
from runfold.surfaces.application.runs.reading.accepted import steer
from runfold.surfaces.mcp.asking import Asking
from runfold.surfaces.mcp.bounded import bounded, plain, short
from runfold.surfaces.mcp.tools.results import Decided
from runfold.surfaces.visible import on_one_line

APPROVAL, QUESTION = "approval", "question"
_IN_A_FORM = (APPROVAL, QUESTION)
_MOST_SHOWN = 4_000


def in_a_form(waits: tuple[shapes.Wait, ...]) -> shapes.Wait | None:
    """Return the first wait that a form can decide, None where there is none."""
    return next((wait for wait in waits if wait.kind in _IN_A_FORM), None)


def form_of(wait: shapes.Wait, agent: str) -> ElicitRequest:
    """Return the form that asks a person; what strangers wrote in it is bounded and visible."""
    arguments = json.dumps(bounded(plain(wait.arguments), _MOST_SHOWN), ensure_ascii=False)
    shown = short(on_one_line(arguments), _MOST_SHOWN)
    if wait.kind == QUESTION:
        message = f"The agent {agent} asks: {short(on_one_line(wait.question), _MOST_SHOWN)}"
        properties: dict[str, Any] = {"answer": {"type": "string", "title": "Your answer"}}
        needed = ["answer"]
    else:
        message = (
            f"The agent {agent} wants to call {wait.tool} with {shown}. "
            f"{short(on_one_line(wait.question), _MOST_SHOWN)}"
        )
        properties = {
            "decision": {
                "type": "string",
                "title": "May it run?",
                "enum": ["approve", "deny"],
            },
            "reason": {"type": "string", "title": "Why (the agent reads it)"},
        }
        needed = ["decision"]
    schema = {"type": "object", "properties": properties, "required": needed}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def answer_in(said: object) -> ElicitResult | None:
    """Return what a client answered to a form, None for what is no answer to one."""
    try:
        return ElicitResult.model_validate(said, from_attributes=True)
    except ValidationError:
        return None


async def decide_by(asking: Asking, run_id: str, wait: shapes.Wait, said: ElicitResult) -> bool:
    """Do what a person said in a form; return whether they decided anything."""
    given: Mapping[str, Any] = said.content or {}
    if said.action != "accept":
        return False
    if wait.kind == QUESTION:
        answer = given.get("answer")
        if not isinstance(answer, str):
            return False
        await answered(asking, run_id, wait.call_id, answer, wait.shown_digest)
        return True
    reason = given.get("reason")
    why = reason if isinstance(reason, str) else ""
    match given.get("decision"):
        case "approve":
            await approved(asking, run_id, wait.call_id, why or None, wait.shown_digest)
        case "deny":
            why = why or "denied by a person"
            await denied(asking, run_id, wait.call_id, why, wait.shown_digest)
        case _:
            return False
    return True


async def approved(
    asking: Asking, run_id: str, call_id: str, comment: str | None, shown: str | None
) -> Decided:
    """Let a proposed call run."""
    return await controlled(
        asking, run_id, lambda c: c.approve(run_id, call_id, None, comment, shown=shown)
    )


async def denied(
    asking: Asking, run_id: str, call_id: str, reason: str, shown: str | None
) -> Decided:
    """Refuse a proposed call."""
    return await controlled(asking, run_id, lambda c: c.deny(run_id, call_id, reason, shown=shown))


async def answered(
    asking: Asking, run_id: str, question_id: str, answer: str, shown: str | None
) -> Decided:
    """Answer what an agent asked."""
    try:
        said = text(answer)
    except UnicodeEncodeError:
        raise RefusedError("The answer holds half a character: send it as UTF-8.") from None
    return await controlled(
        asking, run_id, lambda c: c.answer(run_id, question_id, said, shown=shown)
    )


async def controlled(asking: Asking, run_id: str, send: Send) -> Decided:
    """Send a control and return what became of it, as far as that is known in time."""
    try:
        found = await steer(asking.runs, asking.gateway.reader, run_id, send)
    except NoEffectYetError as error:
        return Decided(
            run_id=run_id,
            on_record=False,
            applied=None,
            event=None,
            seq=None,
            text=f"It is durable, and nothing of it is on record yet: {error}",
        )
    return Decided(
        run_id=run_id,
        on_record=True,
        applied=found.applied,
        event=found.type,
        seq=found.seq,
        text=short(found.text, 1_000),
    )
