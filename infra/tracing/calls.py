"""The span of a model or tool call, from its work and its result."""

from __future__ import annotations

from runfold.events.calls import Message, ModelResult, ModelWork, Outcome, ToolResult, ToolWork
from runfold.events.content import Content, canonical_json
from runfold.infra.tracing import names
from runfold.infra.tracing.context import call_span, parsed
from runfold.infra.tracing.spans import Span, Traces, Value

_UNSEEN = "[not inline]"


def trace_call(
    traces: Traces,
    work: ModelWork | ToolWork,
    result: ModelResult | ToolResult,
    began_ns: int,
    ended_ns: int,
) -> None:
    """Emit the span of a call that has ended, if its run is sampled."""
    trace = parsed(work.traceparent)
    if trace is None or not traces.takes(trace):
        return
    attributes = _common(work)
    if isinstance(work, ModelWork):
        name = f"{names.CHAT} {work.model}"
        attributes |= _asked(work) | (_answered(result) if isinstance(result, ModelResult) else {})
    else:
        name = f"{names.EXECUTE_TOOL} {work.tool}"
        attributes |= _called(work)
    if traces.content:
        attributes |= _said(work, result)
    error = None
    if result.outcome is not Outcome.SUCCEEDED:
        error = result.error.error_type if result.error else result.outcome.value
        attributes[names.ERROR_TYPE] = error
    if isinstance(result, ToolResult):
        attributes[names.OUTCOME] = result.outcome.value
        attributes[names.REPEATED] = result.repeated
    span_id = call_span(work.call_id, work.attempt)
    client = isinstance(work, ModelWork)
    traces.emit(
        Span(
            name, trace, span_id, trace.span_id, began_ns, ended_ns, attributes,
            error=error, client=client,
        )
    )  # fmt: skip


def _common(work: ModelWork | ToolWork) -> dict[str, Value]:
    return {
        names.RUN_ID: work.run_id,
        names.CALL_ID: work.call_id,
        names.ATTEMPT: work.attempt,
        names.TENANT: work.tenant_id,
        names.AGENT_NAME: work.attribution.agent,
        names.AGENT_VERSION: work.attribution.agent_version,
        names.PROMPT_VERSION: work.attribution.prompt_version,
    }


def _asked(work: ModelWork) -> dict[str, Value]:
    asked: dict[str, Value] = {names.OPERATION: names.CHAT, names.REQUEST_MODEL: work.model}
    if work.max_output_tokens is not None:
        asked[names.REQUEST_MAX_TOKENS] = work.max_output_tokens
    return asked


def _answered(result: ModelResult) -> dict[str, Value]:
    found: dict[str, Value] = {
        names.PROVIDER: result.provider,
        names.RESPONSE_MODEL: result.model,
        names.PROVIDER_ATTEMPTS: len(result.attempts) or 1,
    }
    if result.response_id:
        found[names.RESPONSE_ID] = result.response_id
    if result.answer is not None:
        found[names.FINISH_REASONS] = (result.answer.finish_reason,)
    if (usage := result.usage) is not None:
        found |= {
            names.INPUT_TOKENS: usage.input_tokens,
            names.OUTPUT_TOKENS: usage.output_tokens,
            names.CACHE_READ_TOKENS: usage.cache_read_tokens,
            names.CACHE_WRITE_TOKENS: usage.cache_write_tokens,
            names.REASONING_TOKENS: usage.reasoning_tokens,
            names.UNPRICED: result.cost is None,
        }
    if result.cost is not None:
        found[names.COST_USD] = float(result.cost)
    return found


def _called(work: ToolWork) -> dict[str, Value]:
    return {
        names.OPERATION: names.EXECUTE_TOOL,
        names.TOOL_NAME: work.tool,
        names.TOOL_TYPE: "function",
        names.TOOL_CALL_ID: work.call_id,
        names.TOOL_VERSION: work.tool_version,
        names.IDEMPOTENCY_KEY: work.idempotency_key,
    }


def _said(work: ModelWork | ToolWork, result: ModelResult | ToolResult) -> dict[str, Value]:
    if isinstance(work, ToolWork):
        said: dict[str, Value] = {names.TOOL_ARGUMENTS: _text(work.arguments)}
        if isinstance(result, ToolResult) and result.result is not None:
            said[names.TOOL_RESULT] = _text(result.result)
        return said
    said = {
        names.SYSTEM_INSTRUCTIONS: canonical_json([_part(_text(work.instructions))]),
        names.INPUT_MESSAGES: canonical_json([_message(message) for message in work.messages]),
    }
    if isinstance(result, ModelResult) and result.answer is not None:
        answer = result.answer
        parts = [_part(_text(answer.text))] if answer.text else []
        parts += [
            {"type": "tool_call", "id": c.id, "name": c.name, "arguments": _text(c.arguments)}
            for c in answer.tool_calls
        ]
        whole = {"role": "assistant", "parts": parts, "finish_reason": answer.finish_reason}
        said[names.OUTPUT_MESSAGES] = canonical_json([whole])
    return said


def _message(message: Message) -> dict[str, object]:
    parts: list[dict[str, str]] = []
    if message.content is not None and message.call_id is not None:
        found = {"id": message.call_id, "response": _text(message.content)}
        parts.append({"type": "tool_call_response", **found})
    elif message.content is not None:
        parts.append(_part(_text(message.content)))
    parts += [
        {"type": "tool_call", "id": c.id, "name": c.name, "arguments": _text(c.arguments)}
        for c in message.tool_calls
    ]
    return {"role": message.role.value, "parts": parts}


def _part(text: str) -> dict[str, str]:
    return {"type": "text", "content": text}


def _text(said: Content) -> str:
    return _UNSEEN if said.inline is None else said.inline.decode("utf-8", "replace")
