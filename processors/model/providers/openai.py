"""The wire of chat completions, as OpenAI and the many servers compatible with it speak it."""

from __future__ import annotations

import json
from typing import Any

from runfold.events.calls import Message, ModelWork, Role
from runfold.events.content import Content
from runfold.events.values import ProposedCall, Usage
from runfold.processors.model.providers import wire
from runfold.processors.model.providers.streams import ChatAssembly
from runfold.processors.model.providers.tool_names import ToolNames
from runfold.processors.model.providers.wire import (
    Codec,
    MalformedAnswerError,
    Target,
    WireAnswer,
    WireRequest,
)

_DECIDED = frozenset({"model", "messages", "tools", "stream", "stream_options", "n", "functions"})

_UNDERSTOOD = frozenset(
    {"role", "content", "tool_calls", "refusal", "function_call", "annotations", "audio"}
)

_FINISH = {
    "stop": "stop",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "length": "length",
    "content_filter": "refusal",
}


def request(work: ModelWork, target: Target, names: ToolNames) -> WireRequest:
    """Return the chat completion request of a call."""
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": wire.read(work.instructions)},
        *(
            _message(message, target, names)
            for turn in wire.turns(work.messages)
            for message in turn
        ),
    ]
    body = {**wire.parameters(work, _DECIDED), "model": target.model, "messages": messages}
    if work.max_output_tokens is not None:
        body[target.limit_field] = work.max_output_tokens
    if work.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": names.wire(tool.name),
                    "description": tool.description,
                    "parameters": wire.schema(tool.input_schema),
                },
            }
            for tool in work.tools
        ]
    streamed = wire.streams(work)
    if streamed:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return WireRequest(path="/chat/completions", headers={}, body=body, streamed=streamed)


def _message(message: Message, target: Target, names: ToolNames) -> dict[str, Any]:
    said = wire.read(message.content)
    if message.role is Role.TOOL:
        content = f"Error: {said}" if message.is_error else said
        return {"role": "tool", "tool_call_id": message.call_id or "", "content": content}
    if message.role is not Role.ASSISTANT:
        return {"role": "user", "content": said}
    sent: dict[str, Any] = {**wire.mapping(wire.kept(message, target.provider))}
    sent["role"] = "assistant"
    sent["content"] = said or (None if message.tool_calls else wire.NO_ANSWER)
    if message.tool_calls:
        sent["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {
                    "name": names.wire(call.name),
                    "arguments": json.dumps(wire.arguments_for(call), ensure_ascii=False),
                },
            }
            for call in message.tool_calls
        ]
    return sent


def parse(body: Any, work: ModelWork, target: Target, names: ToolNames) -> WireAnswer:
    """Return the answer that a chat completion holds; MalformedAnswerError otherwise."""
    choices = wire.mapping(body).get("choices")
    choice = wire.mapping(choices[0]) if isinstance(choices, list) and choices else {}
    message = choice.get("message")
    if not isinstance(message, dict):
        raise MalformedAnswerError("the answer holds no choices[0].message")
    finish = _FINISH.get(choice.get("finish_reason") or "stop", "other")
    spoken = _text(message.get("content"))
    if message.get("refusal"):
        finish, spoken = "refusal", _text(message["refusal"])
    found = message.get("tool_calls")
    calls = [
        _call(wire.mapping(call), index, work, names)
        for index, call in enumerate(found if isinstance(found, list) else ())
    ]
    return WireAnswer(
        answer=wire.answer_of(spoken, calls, finish, _opaque(message, target)),
        usage=_usage(body.get("usage")),
        response_id=body["id"] if isinstance(body.get("id"), str) else None,
    )


def _call(call: dict[str, Any], index: int, work: ModelWork, names: ToolNames) -> ProposedCall:
    function = wire.mapping(call.get("function"))
    given = call.get("id")
    call_id = given if isinstance(given, str) and given else wire.call_id_for(work, index)
    name = function.get("name")
    return wire.proposed(
        call_id,
        names.ours(name) if isinstance(name, str) else "",
        function.get("arguments", ""),
    )


def _text(content: object) -> str | None:
    """Return the text of a content that is a string or a list of parts."""
    if isinstance(content, list):
        parts = (wire.mapping(part).get("text") for part in content)
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else None


def _opaque(message: dict[str, Any], target: Target) -> Content | None:
    extra = {key: value for key, value in message.items() if key not in _UNDERSTOOD and value}
    return wire.keep(target.provider, extra) if extra else None


def _usage(reported: object) -> Usage | None:
    """Prompt tokens include what was read from or written to the cache already."""
    if not isinstance(reported, dict) or "prompt_tokens" not in reported:
        return None
    prompt = wire.mapping(reported.get("prompt_tokens_details"))
    completion = wire.mapping(reported.get("completion_tokens_details"))
    return Usage(
        input_tokens=wire.count(reported["prompt_tokens"]),
        output_tokens=wire.count(reported.get("completion_tokens")),
        cache_read_tokens=wire.count(prompt.get("cached_tokens")),
        cache_write_tokens=wire.count(prompt.get("cache_write_tokens")),
        reasoning_tokens=wire.count(completion.get("reasoning_tokens")),
    )


def _credentials(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


CODEC = Codec(request, parse, _credentials, ChatAssembly)
"""Chat completions."""
