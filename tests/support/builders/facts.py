"""Facts of a run with everything that a test does not care about filled in."""

from __future__ import annotations

from collections.abc import Sequence

from runfold.events import run as j
from runfold.events.base import money
from runfold.events.contents.content import json_content, text
from runfold.events.values import (
    Attribution,
    ErrorInfo,
    Exit,
    ExitStatus,
    ExitUsage,
    Limits,
    ModelAnswer,
    Pin,
    Placement,
    PriceSnapshot,
    ProposedCall,
    RunRequest,
    RunStatus,
    Usage,
)

READS = "files.read"
AGENT = Attribution(
    user_id="u1", agent="triage", agent_version="1.0.0", prompt_version="p1", feature="logs"
)
_CONTEXT = b"\2" * 32
_ARGUMENTS = b"\4" * 32


def accepted(
    request: RunRequest,
    model: str,
    by: Attribution = AGENT,
    limits: Limits | None = None,
    rulebook: int = 1,
) -> j.RunCreated:
    """A run begins."""
    return j.RunCreated(
        request=request,
        agent=Pin(name=by.agent, version=by.agent_version, digest=b"\1" * 32),
        tools=(),
        prompt_version=by.prompt_version,
        model=model,
        limits=limits or Limits(),
        rulebook=rulebook,
    )


def model_called(call: str, model: str, attempt: int = 1, timeout_ms: int = 1000) -> j.ModelCalled:
    """A model is asked."""
    return j.ModelCalled(
        call_id=call,
        attempt=attempt,
        model=model,
        fallbacks=(),
        routing_reason="only model",
        prompt_version="p1",
        context_digest=_CONTEXT,
        placement=Placement.LOCAL,
        timeout_ms=timeout_ms,
    )


def model_responded(
    call: str,
    model: str,
    cost: str | None,
    *,
    attempt: int = 1,
    provider: str = "scripted",
    tools: Sequence[str] = (),
    said: str = "so",
    usage: Usage | None = None,
    price: PriceSnapshot | None = None,
    latency_ms: int = 5,
    first_token_ms: int | None = None,
    by: Attribution = AGENT,
) -> j.ModelResponded:
    """A model answers, with calls of tools or with a text."""
    calls = tuple(
        ProposedCall(id=f"p{number}", name=name, arguments=json_content({"path": "a"}))
        for number, name in enumerate(tools)
    )
    return j.ModelResponded(
        call_id=call,
        attempt=attempt,
        model=model,
        provider=provider,
        decision=j.DecisionRecord(
            decision_type="tool_call" if tools else "answer",
            selected_tools=tuple(tools),
            summary="look closer" if tools else "",
            context_digest=_CONTEXT,
        ),
        answer=ModelAnswer(
            text=text(said), tool_calls=calls, finish_reason="tool_calls" if tools else "stop"
        ),
        usage=usage or Usage(input_tokens=100, output_tokens=20),
        cost=None if cost is None else money(cost),
        price=price,
        latency_ms=latency_ms,
        attribution=by,
        time_to_first_token_ms=first_token_ms,
    )


def model_failed(
    call: str, model: str, *, latency_ms: int = 1000, by: Attribution = AGENT
) -> j.ModelFailed:
    """A model fails; it may be asked again."""
    return j.ModelFailed(
        call_id=call,
        attempt=1,
        model=model,
        error=ErrorInfo(error_type="rate_limited", message="later", retryable=True),
        latency_ms=latency_ms,
        attribution=by,
    )


def tool_proposed(
    call: str,
    model_call: str,
    tool: str = READS,
    level: int = 0,
    arguments: object = None,
) -> j.ToolCallProposed:
    """A model proposes a call of a tool."""
    return j.ToolCallProposed(
        call_id=call,
        model_call_id=model_call,
        provider_call_id="p0",
        tool=tool,
        tool_version="1.0.0",
        arguments=json_content(arguments or {"path": "a", "max": 1.50}),
        reason="to see",
        risk_level=level,
        idempotency_key=call,
    )


def approval_requested(call: str, tool: str = READS, level: int = 1) -> j.ApprovalRequested:
    """A person is asked."""
    return j.ApprovalRequested(
        call_id=call,
        tool=tool,
        question="May it read?",
        arguments_digest=_ARGUMENTS,
        risk_level=level,
    )


def tool_started(
    call: str, tool: str = READS, attempt: int = 1, timeout_ms: int = 1000
) -> j.ToolCallStarted:
    """A call is handed out."""
    return j.ToolCallStarted(
        call_id=call,
        attempt=attempt,
        tool=tool,
        placement=Placement.POOL,
        idempotency_key=call,
        timeout_ms=timeout_ms,
    )


def tool_succeeded(
    call: str,
    tool: str = READS,
    cost: str | None = None,
    *,
    attempt: int = 1,
    result: object = "ok",
    latency_ms: int = 1,
    by: Attribution = AGENT,
) -> j.ToolCallSucceeded:
    """A tool answers."""
    return j.ToolCallSucceeded(
        call_id=call,
        attempt=attempt,
        tool=tool,
        result=json_content(result),
        latency_ms=latency_ms,
        attribution=by,
        cost=None if cost is None else money(cost),
    )


def tool_failed(
    call: str,
    tool: str = READS,
    cost: str | None = None,
    *,
    attempt: int = 1,
    error: str = "timeout",
    latency_ms: int = 1000,
    by: Attribution = AGENT,
) -> j.ToolCallFailed:
    """A tool fails; it may be tried again."""
    return j.ToolCallFailed(
        call_id=call,
        attempt=attempt,
        tool=tool,
        error=ErrorInfo(error_type=error, message="too slow", retryable=True),
        latency_ms=latency_ms,
        attribution=by,
        cost=None if cost is None else money(cost),
    )


def call_summary(call: str) -> j.CallSummary:
    """What a checkpoint knows of a call that succeeded."""
    return j.CallSummary(
        call_id=call,
        tool=READS,
        status="succeeded",
        attempt=1,
        idempotency_key=call,
        approval="not_required",
        arguments_digest=_ARGUMENTS,
        result_digest=b"\6" * 32,
    )


def usage(cost: str = "0", **known: int) -> ExitUsage:
    """What a run used, nothing but what is given."""
    counts = {"total_tokens": 0, "input_tokens": 0, "output_tokens": 0, "latency_ms": 1}
    return ExitUsage(**{**counts, "model_calls": 0, "tool_calls": 0, **known}, cost_usd=money(cost))


def ended(
    status: ExitStatus,
    used: ExitUsage,
    payload: object = None,
    by: Attribution = AGENT,
    error_type: str = "gave_up",
) -> tuple[j.RunCompleted | j.RunFailed | j.RunCancelled, RunStatus]:
    """The end of a run, and the status that it leads to."""
    record = Exit(
        status=status,
        exit_code={ExitStatus.SUCCESS: 0, ExitStatus.FAILURE: 1}.get(status, 3),
        signal="complete",
        payload=json_content(payload or {}),
        usage=used,
    )
    whom = {"agent": by.agent, "agent_version": by.agent_version, "user_id": by.user_id}
    match status:
        case ExitStatus.SUCCESS:
            return j.RunCompleted(exit=record, **whom), RunStatus.COMPLETED
        case ExitStatus.FAILURE:
            error = ErrorInfo(error_type=error_type, message="no way", retryable=False)
            return j.RunFailed(exit=record, error=error, **whom), RunStatus.FAILED
        case _:
            cancelled = j.RunCancelled(exit=record, reason="enough", request_id="c1", **whom)
            return cancelled, RunStatus.CANCELLED
