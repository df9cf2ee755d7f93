"""What a message to a task does: it tells the run something, answers a question, or decides.

A decision is data, and names what was shown. Free text decides nothing, with one exception that
cannot be meant otherwise: ``approve DIGEST`` or ``deny DIGEST reason``, with the digest of what was
shown, or eight digits and more of it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Literal, NamedTuple

from a2a.types.a2a_pb2 import Message
from pydantic import BaseModel, ConfigDict, Field

from runfold.events.contents.content import Content
from runfold.producers.client import AsyncRunClient
from runfold.surfaces.a2a.messages.parts import content_of, data_of, parts_of, texts_of
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import InvalidError
from runfold.surfaces.http.access import identity
from runfold.surfaces.http.reading.bodies import validated
from runfold.surfaces.http.reading.contents import content_of as said_content
from runfold.surfaces.http.reading.contents import json_of

_DECIDED = re.compile(r"(approve|deny)[ \t]+([0-9a-f]{8,64})(?:[ \t:,]+(.{1,10000}))?", re.DOTALL)
_LONG = 10_000


class Decision(BaseModel):
    """What is decided of what waits; `call_id` is as the task shows it, or the number in it.

    `shown_digest` names what was shown, and may be left out where nothing was named.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    decision: Literal["approve", "deny", "answer"]
    call_id: str = Field(max_length=200)
    shown_digest: str | None = Field(default=None, max_length=64)
    arguments: Any = None
    answer: Any = None
    comment: str | None = Field(default=None, max_length=_LONG)
    reason: str = Field(default="", max_length=_LONG)


class Action(NamedTuple):
    """What a message does, and the scope that it needs."""

    scope: str
    send: Callable[[AsyncRunClient], Awaitable[str]]


def action_of(found: shapes.RunDetail, message: Message) -> Action:
    """Return what a message does to a run that stands so.

    Raises InvalidError where that is not certain, and says what to send.
    """
    parts = parts_of(message)
    for part in parts:
        if part.WhichOneof("content") == "data":
            value = data_of(part)
            if isinstance(value, dict) and "decision" in value:
                if len(parts) > 1:
                    raise InvalidError("A decision comes alone: send it without other parts.")
                return _decided(found, validated(Decision, value))
    texted = _texted(found, texts_of(parts))
    if texted is not None:
        return _decided(found, texted)
    return _said(found, content_of(message))


def _texted(found: shapes.RunDetail, text: str | None) -> Decision | None:
    """Return the decision that a text cannot but mean, None for any other text."""
    said = _DECIDED.fullmatch((text or "").strip())
    if said is None:
        return None
    word, digest, why = said.groups()
    named = [w for w in found.waits_for if (w.shown_digest or "").startswith(digest)]
    if len(named) != 1:
        raise InvalidError(f"{len(named)} of what waits was shown as {digest}: {_what(found)}")
    more = {"comment": why} if word == "approve" else {"reason": why or ""}
    fields = {"decision": word, "call_id": named[0].call_id, "shown_digest": digest, **more}
    return Decision.model_validate(fields)


def _decided(found: shapes.RunDetail, made: Decision) -> Action:
    wait = _meant(found, made)
    run_id, call_id, shown = found.run_id, wait.call_id, wait.shown_digest
    match made.decision:
        case "approve":
            given = "arguments" in made.model_fields_set
            arguments = json_of(made.arguments, "/arguments") if given else None
            return Action(
                identity.DECIDE,
                lambda c: c.approve(run_id, call_id, arguments, made.comment, shown=shown),
            )
        case "deny":
            reason = made.reason or made.comment or "denied"
            return Action(identity.DECIDE, lambda c: c.deny(run_id, call_id, reason, shown=shown))
        case "answer":
            return _answer(run_id, wait, said_content(made.answer, "/answer"))


def _meant(found: shapes.RunDetail, made: Decision) -> shapes.Wait:
    """Return what a decision is about; raises InvalidError where that is not open as it was."""
    kind = "question" if made.decision == "answer" else "approval"
    number = made.call_id.rpartition(".")[2]
    named = made.call_id if "." in made.call_id else f"{found.run_id}.{number}"
    wait = next((w for w in found.waits_for if w.call_id == named and w.kind == kind), None)
    if wait is None:
        raise InvalidError(f"No {kind} with the id {made.call_id} waits here: {_what(found)}")
    if wait.shown_digest is not None:
        digest = (made.shown_digest or "").lower()
        if made.decision != "answer" and len(digest) < 8:
            raise InvalidError(
                "shown_digest is missing: a decision names what was shown, as the task's status "
                "has it."
            )
        if not wait.shown_digest.startswith(digest):
            raise InvalidError("What is shown now is something else: get the task and decide then.")
    return wait


def _said(found: shapes.RunDetail, content: Content) -> Action:
    """Return what a message does that decides nothing."""
    run_id = found.run_id
    questions = [wait for wait in found.waits_for if wait.kind == "question"]
    if len(questions) == 1:
        return _answer(run_id, questions[0], content)
    if found.waits_for:
        raise InvalidError(f"Free text decides nothing here: {_what(found)}")
    return Action(identity.WRITE, lambda c: c.tell(run_id, content))


def _answer(run_id: str, wait: shapes.Wait, content: Content) -> Action:
    shown = wait.shown_digest
    return Action(identity.DECIDE, lambda c: c.answer(run_id, wait.call_id, content, shown=shown))


def _what(found: shapes.RunDetail) -> str:
    """Return what waits, and in which form it is decided."""
    if not found.waits_for:
        return "nothing waits for anybody."
    open_now = ", ".join(
        f"{wait.kind} {wait.call_id}" + (f" ({wait.shown_digest})" if wait.shown_digest else "")
        for wait in found.waits_for[:10]
    )
    if all(wait.kind in {"uncertain", "limit"} for wait in found.waits_for):
        return f"{open_now} is decided over HTTP, by POST /runs/{found.run_id}/resolve or /extend."
    return (
        f"{open_now} waits. Send a data part such as "
        '{"decision": "approve", "call_id": "…", "shown_digest": "…"}, with deny or answer.'
    )
