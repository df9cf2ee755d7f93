"""How a model call appears in a trace, by OpenTelemetry's conventions for generative AI."""

from __future__ import annotations

from runfold.events.calls import Message, ModelResult, ModelWork
from runfold.events.contents.content import canonical_json
from runfold.infra.tracing import names
from runfold.infra.tracing.calls import CallSpan, shown
from runfold.infra.tracing.spans import Value


def _name(work: ModelWork) -> str:
    return f"{names.CHAT} {work.model}"


def _attributes(work: ModelWork, result: ModelResult) -> dict[str, Value]:
    found: dict[str, Value] = {
        names.OPERATION: names.CHAT,
        names.REQUEST_MODEL: work.model,
        names.PROVIDER: result.provider,
        names.RESPONSE_MODEL: result.model,
        names.PROVIDER_ATTEMPTS: len(result.attempts) or 1,
    }
    if work.max_output_tokens is not None:
        found[names.REQUEST_MAX_TOKENS] = work.max_output_tokens
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


def _content(work: ModelWork, result: ModelResult) -> dict[str, Value]:
    said: dict[str, Value] = {
        names.SYSTEM_INSTRUCTIONS: canonical_json([_part(shown(work.instructions))]),
        names.INPUT_MESSAGES: canonical_json([_message(message) for message in work.messages]),
    }
    if (answer := result.answer) is not None:
        parts: list[dict[str, str]] = [_part(shown(answer.text))] if answer.text else []
        parts += [
            {"type": "tool_call", "id": c.id, "name": c.name, "arguments": shown(c.arguments)}
            for c in answer.tool_calls
        ]
        whole = {"role": "assistant", "parts": parts, "finish_reason": answer.finish_reason}
        said[names.OUTPUT_MESSAGES] = canonical_json([whole])
    return said


def _message(message: Message) -> dict[str, object]:
    parts: list[dict[str, str]] = []
    if message.content is not None and message.call_id is not None:
        found = {"id": message.call_id, "response": shown(message.content)}
        parts.append({"type": "tool_call_response", **found})
    elif message.content is not None:
        parts.append(_part(shown(message.content)))
    parts += [
        {"type": "tool_call", "id": c.id, "name": c.name, "arguments": shown(c.arguments)}
        for c in message.tool_calls
    ]
    return {"role": message.role.value, "parts": parts}


def _part(text: str) -> dict[str, str]:
    return {"type": "text", "content": text}


SPAN = CallSpan(_name, _attributes, _content, client=True)
