"""What a person asked of a run, as the facts that followed record it."""

from __future__ import annotations

from typing import Any

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.catalogue import CONTROLS
from runfold.events.contents.content import text
from runfold.events.records import commands
from runfold.events.records.commands import Resolution
from runfold.events.run import Meta
from runfold.processors.engine.aggregate import UnrecordedError
from runfold.processors.run.lifecycle import extending
from runfold.processors.run.replay import taken_over
from runfold.processors.run.state import CallStatus, Live, RunState

_Asked = tuple[type[commands.Control], dict[str, Any]]


def control_of(
    state: RunState | None, meta: Meta, fact: Fact, roles: tuple[str, ...]
) -> commands.Control:
    """Return the control that a fact records; raises UnrecordedError where it records none."""
    kind, fields = taken_over.asked(fact) or _asked(state, fact)
    common = {
        "request_id": str(getattr(fact, "request_id", None) or ""),
        "run_id": meta.run_id,
        "tenant_id": meta.tenant_id,
        "actor_id": meta.actor.id,
        "requested_at": meta.time,
        "roles": roles,
        "origin": getattr(fact, "origin", None),
    }
    return kind.model_validate(common | fields)


def _asked(state: RunState | None, fact: Fact) -> _Asked:  # noqa: PLR0911 - a line each
    asked: dict[str, Any]
    match fact:
        case j.ToolCallApproved(call_id=call_id, comment=comment) if _is_uncertain(state, call_id):
            asked = {"call_id": call_id, "comment": comment}
            return commands.ResolveToolCall, {**asked, "resolution": Resolution.DID_NOT_HAPPEN}
        case j.ToolCallApproved() | j.ApprovalGiven():
            asked = {"call_id": fact.call_id, "comment": fact.comment, "holds": fact.holds}
            asked |= {"arguments": fact.arguments, **_decided(fact)}
            return commands.ApproveToolCall, asked
        case j.ToolCallSucceeded(call_id=call_id):
            happened = {"resolution": Resolution.HAPPENED, "result": fact.result}
            return commands.ResolveToolCall, {**happened, "call_id": call_id}
        case j.ToolCallDenied(call_id=call_id, reason=reason):
            return commands.DenyToolCall, {"call_id": call_id, "reason": reason, **_decided(fact)}
        case j.RunPaused(reason=reason):
            return commands.PauseRun, {"reason": reason}
        case j.RunResumed(reason=reason):
            return commands.ResumeRun, {"reason": reason}
        case j.RunCancelled(reason=reason):
            return commands.CancelRun, {"reason": reason}
        case j.UserMessageReceived(kind=j.MessageKind.INSTRUCTIONS):
            return commands.EditInstructions, {"content": fact.content}
        case j.UserMessageReceived():
            return commands.SendMessage, {"content": fact.content}
        case j.HumanInputReceived(question_id=asked_in):
            said = {"question_id": asked_in, "content": fact.content}
            return commands.AnswerQuestion, {**said, **_decided(fact)}
        case j.RequestIgnored():
            return _ignored(fact)
        case _:
            return _about_more(fact)


def _about_more(fact: Fact) -> _Asked:
    match fact:
        case j.ExtensionRequested(added=added, reason=reason):
            return commands.ExtendRun, {"added": added, "reason": reason}
        case j.ExtensionRefused(reason=reason):
            return commands.DenyExtension, {"reason": reason}
        case _:
            raise UnrecordedError(f"{type(fact).__name__} cannot be the first of a decision")


def _decided(fact: Any) -> dict[str, Any]:
    return {"shown_digest": fact.shown_digest, "on_behalf_of": fact.on_behalf_of}


def _ignored(fact: j.RequestIgnored) -> _Asked:
    kind = next((kind for kind in CONTROLS if kind.__name__ == fact.control), None)
    if kind is None:
        raise UnrecordedError(f"{fact.control} is no control of a run")
    more: dict[str, Any] = {"tenant_id": fact.tenant_id}
    for name in ("call_id", "question_id"):
        if name in kind.model_fields:
            more[name] = fact.call_id or ""
    if kind is commands.ApproveToolCall:
        more |= {"arguments": fact.arguments, "holds": fact.holds}
    if "shown_digest" in kind.model_fields:
        more["shown_digest"] = fact.shown_digest
    if kind is commands.ExtendRun:
        more["added"] = extending.added_of(fact.arguments)
    if kind is commands.DenyToolCall:
        more["reason"] = ""
    if kind is commands.ResolveToolCall:
        more["resolution"] = Resolution.UNKNOWN
    if "on_behalf_of" in kind.model_fields:
        more["on_behalf_of"] = fact.on_behalf_of
    if "content" in kind.model_fields:
        more["content"] = text("")
    return kind, more | taken_over.of_ignored(kind, fact)


def _is_uncertain(state: RunState | None, call_id: str) -> bool:
    call = state.loop.call(call_id) if isinstance(state, Live) else None
    return call is not None and call.status is CallStatus.UNCERTAIN
