"""The input of a decision, put together again from the first events that it led to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runfold.events import commands
from runfold.events import run as j
from runfold.events.base import Fact, Record
from runfold.events.calls import ModelResult, Outcome, ToolResult
from runfold.events.catalogue import CONTROLS
from runfold.events.commands import Resolution, RunRequested
from runfold.events.content import text
from runfold.events.run import Event, Meta
from runfold.events.values import ErrorInfo
from runfold.processors.engine.aggregate import Command, Timer
from runfold.processors.run.state import CallStatus, Live, RunState


class UnrecordedError(ValueError):
    """A decision whose first event tells of no input that could have caused it."""


def command_of(state: RunState | None, decision: Sequence[Event]) -> Command:
    """Return the command that a decision answered, as its first events record it."""
    meta, fact = decision[0].meta, decision[0].fact
    if meta.cause.startswith("timer/"):
        return Command(_timer(meta))
    trace = fact.requester_trace if isinstance(fact, j.RunCreated) else None
    return Command(_record(state, meta, fact, decision), trace)


def _timer(meta: Meta) -> Timer:
    parts = meta.cause.split("/")
    if len(parts) != 4 or not parts[3].isdecimal():
        raise UnrecordedError(f"the cause {meta.cause!r} is not that of a timer")
    return Timer(meta.time, parts[1], parts[2], int(parts[3]))


def _record(state: RunState | None, meta: Meta, fact: Fact, decision: Sequence[Event]) -> Record:
    match fact:
        case j.RunCreated() | j.RunRefused():
            return _request(fact, decision)
        case j.ModelResponded() | j.ModelFailed():
            return _model_result(meta, fact)
        case j.ToolCallSucceeded() | j.ToolCallFailed() if fact.request_id is None:
            return _tool_result(meta, fact)
        case j.LateResultNoted(answer=j.LateAnswer() as answer):
            return _late_answer(meta, fact, answer)
        case j.ToolCallUncertain() | j.LateResultNoted():
            return _tool_result(meta, fact)
        case _:
            return _control(state, meta, fact)


def _request(fact: j.RunCreated | j.RunRefused, decision: Sequence[Event]) -> RunRequested:
    said = [event.fact for event in decision if isinstance(event.fact, j.UserMessageReceived)]
    goal = said[0].content if said else fact.request.goal
    return RunRequested(**{**dict(fact.request), "goal": goal})


def _model_result(meta: Meta, fact: j.ModelResponded | j.ModelFailed) -> ModelResult:
    if isinstance(fact, j.ModelFailed):
        return ModelResult(
            run_id=meta.run_id,
            call_id=fact.call_id,
            attempt=fact.attempt,
            outcome=Outcome.FAILED,
            model=fact.model,
            provider="",
            latency_ms=fact.latency_ms,
            error=fact.error,
            attempts=fact.attempts,
        )
    return ModelResult(
        run_id=meta.run_id,
        call_id=fact.call_id,
        attempt=fact.attempt,
        outcome=Outcome.SUCCEEDED,
        model=fact.model,
        provider=fact.provider,
        latency_ms=fact.latency_ms,
        answer=fact.answer,
        usage=fact.usage,
        cost=fact.cost,
        price=fact.price,
        attempts=fact.attempts,
        time_to_first_token_ms=fact.time_to_first_token_ms,
        response_id=fact.response_id,
    )


def _late_answer(meta: Meta, fact: j.LateResultNoted, answer: j.LateAnswer) -> ModelResult:
    return ModelResult(
        run_id=meta.run_id,
        call_id=fact.call_id,
        attempt=fact.attempt,
        outcome=Outcome.SUCCEEDED,
        model=answer.model,
        provider=answer.provider,
        latency_ms=0,
        usage=answer.usage,
        cost=fact.cost,
        price=answer.price,
    )


_ToolFact = j.ToolCallSucceeded | j.ToolCallFailed | j.ToolCallUncertain | j.LateResultNoted


def _tool_result(meta: Meta, fact: _ToolFact) -> ToolResult:
    result = ToolResult(
        run_id=meta.run_id,
        call_id=fact.call_id,
        attempt=fact.attempt,
        outcome=Outcome.FAILED,
        latency_ms=0 if isinstance(fact, j.LateResultNoted) else fact.latency_ms,
    )
    more: dict[str, Any]
    match fact:
        case j.ToolCallSucceeded():
            more = {
                "outcome": Outcome.SUCCEEDED,
                "result": fact.result,
                "repeated": fact.repeated,
                "cost": fact.cost,
            }
        case j.ToolCallFailed():
            more = {"error": fact.error, "cost": fact.cost}
        case j.ToolCallUncertain():
            doubt = ErrorInfo(error_type="uncertain", message=fact.reason, retryable=False)
            more = {"outcome": Outcome.UNCERTAIN, "error": doubt, "cost": fact.cost}
        case j.LateResultNoted():
            more = {
                "outcome": Outcome(fact.outcome),
                "result": fact.result,
                "error": fact.error,
                "effect": True,
                "cost": fact.cost,
            }
    return result.model_copy(update=more)


_Asked = tuple[type[commands.Control], dict[str, Any]]


def _control(state: RunState | None, meta: Meta, fact: Fact) -> commands.Control:
    kind, fields = _asked(state, fact)
    common = {
        "request_id": str(getattr(fact, "request_id", None) or ""),
        "run_id": meta.run_id,
        "tenant_id": meta.tenant_id,
        "actor_id": meta.actor.id,
        "requested_at": meta.time,
    }
    return kind.model_validate(common | fields)


def _asked(state: RunState | None, fact: Fact) -> _Asked:  # noqa: PLR0911 - a line each
    match fact:
        case j.ToolCallApproved(call_id=call_id, comment=comment) if _is_uncertain(state, call_id):
            asked = {"call_id": call_id, "comment": comment}
            return commands.ResolveToolCall, {**asked, "resolution": Resolution.DID_NOT_HAPPEN}
        case j.ToolCallApproved(call_id=call_id, comment=comment):
            asked = {"call_id": call_id, "comment": comment}
            return commands.ApproveToolCall, {**asked, "arguments": fact.arguments}
        case j.ToolCallSucceeded(call_id=call_id):
            happened = {"resolution": Resolution.HAPPENED, "result": fact.result}
            return commands.ResolveToolCall, {**happened, "call_id": call_id}
        case j.ToolCallDenied(call_id=call_id, reason=reason):
            return commands.DenyToolCall, {"call_id": call_id, "reason": reason}
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
            return commands.AnswerQuestion, {"question_id": asked_in, "content": fact.content}
        case j.RequestIgnored():
            return _ignored(fact)
        case _:
            raise UnrecordedError(f"{type(fact).__name__} cannot be the first of a decision")


def _ignored(fact: j.RequestIgnored) -> _Asked:
    kind = next((kind for kind in CONTROLS if kind.__name__ == fact.control), None)
    if kind is None:
        raise UnrecordedError(f"{fact.control} is no control of a run")
    more: dict[str, Any] = {"tenant_id": fact.tenant_id}
    for name in ("call_id", "question_id"):
        if name in kind.model_fields:
            more[name] = fact.call_id or ""
    if kind is commands.ApproveToolCall:
        more["arguments"] = fact.arguments
    if kind is commands.DenyToolCall:
        more["reason"] = ""
    if kind is commands.ResolveToolCall:
        more["resolution"] = Resolution.UNKNOWN
    if "content" in kind.model_fields:
        more["content"] = text("")
    return kind, more


def _is_uncertain(state: RunState | None, call_id: str) -> bool:
    call = state.call(call_id) if isinstance(state, Live) else None
    return call is not None and call.status is CallStatus.UNCERTAIN
