"""The wire of chat completions, as OpenAI and the many servers compatible with it speak it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from runfold.events.calls import Message, ModelWork, Role
from runfold.events.contents.attachments import Shown
from runfold.events.contents.content import Content
from runfold.events.values import ProposedCall, Usage
from runfold.processors.model.attachments import Part, parts_of
from runfold.processors.model.providers import history, wire
from runfold.processors.model.providers.streams.chat import ChatAssembly, spoken
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
    "eos": "stop",
    "end_turn": "stop",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "refusal",
    "safety": "refusal",
    "sensitive": "refusal",
    "recitation": "refusal",
}

# These come where the server itself failed, after a 200.
_BROKEN = frozenset({"error", "network_error", "abort"})

_CALL = frozenset({"id", "index", "type", "function", "name", "arguments", wire.DOUBT})


def request(work: ModelWork, target: Target, names: ToolNames) -> WireRequest:
    """Return the chat completion request of a call."""
    ids = history.SHORT_IDS if target.short_ids else history.OPENAI_IDS
    messages: list[dict[str, Any]] = [{"role": "system", "content": wire.read(work.instructions)}]
    for turn in history.turns(work.messages, ids):
        messages += _turn(turn, target, names)
    _attach(messages, work, target)
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


def _turn(turn: list[Message], target: Target, names: ToolNames) -> list[dict[str, Any]]:
    if turn[0].role is Role.ASSISTANT:
        return [_assistant(turn[0], target, names)]
    return [_result(m, names) if m.role is Role.TOOL else _person(m) for m in turn]


def _attach(messages: list[dict[str, Any]], work: ModelWork, target: Target) -> None:
    """Put the attachments into the first message of a person, which is the goal.

    Texts stay in its text, since not every server takes a list of parts.
    """
    goal = next((each for each in messages if each["role"] == "user"), None)
    shown = parts_of(work, documents=target.files) if goal is not None else []
    if goal is None or not shown:
        return
    if all(part.text for part in shown):
        goal["content"] = "\n\n".join([goal["content"], *[part.text for part in shown]])
        return
    goal["content"] = [{"type": "text", "text": goal["content"]}, *map(_part, shown)]


def _part(part: Part) -> dict[str, Any]:
    url = f"data:{part.media_type};base64,{part.data}"
    if part.shown is Shown.PICTURE:
        return {"type": "image_url", "image_url": {"url": url}}
    if part.shown is Shown.DOCUMENT:
        return {"type": "file", "file": {"filename": part.name, "file_data": url}}
    return {"type": "text", "text": part.text}


def _person(message: Message) -> dict[str, Any]:
    return {"role": "user", "content": wire.read(message.content) or "(empty message)"}


def _result(message: Message, names: ToolNames) -> dict[str, Any]:
    said = wire.read(message.content)
    content = f"Error: {names.told(said)}" if message.is_error else said
    return {"role": "tool", "tool_call_id": message.call_id or "", "content": content}


def _assistant(message: Message, target: Target, names: ToolNames) -> dict[str, Any]:
    said = wire.read(message.content)
    sent: dict[str, Any] = {**wire.mapping(history.kept(message, target.provider))}
    attached = history.attached(message, target.provider)
    sent["role"] = "assistant"
    if not isinstance(sent.get("content"), list):
        sent["content"] = said or (None if message.tool_calls else wire.NO_ANSWER)
    if message.tool_calls:
        sent["tool_calls"] = [
            {
                **wire.mapping(attached.get(str(place))),
                "id": call.id,
                "type": "function",
                "function": {
                    "name": names.wire(call.name),
                    "arguments": json.dumps(history.arguments_for(call), ensure_ascii=False),
                },
            }
            for place, call in enumerate(message.tool_calls)
        ]
    return sent


def parse(body: Any, work: ModelWork, target: Target, names: ToolNames) -> WireAnswer:
    """Return the answer that a chat completion holds; MalformedAnswerError otherwise."""
    message, reason = _said(wire.mapping(body))
    finish = _finish(reason)
    spoken = _text(message.get("content"))
    if refusal := _text(message.get("refusal")):
        finish, spoken = "refusal", refusal
    found, left_out = wire.bounded(_calls(message))
    ids = wire.call_ids([call.get("id") for call in found], work)
    calls = [_call(*each, work, names) for each in zip(found, ids, strict=True)]
    usage = _usage(body.get("usage"))
    return WireAnswer(
        answer=wire.answer_of(spoken, calls, finish, _opaque(message, found, target)),
        usage=usage,
        response_id=wire.response_id(body),
        note=left_out or wire.doubted(usage),
    )


def _said(body: dict[str, Any]) -> tuple[dict[str, Any], object]:
    """Return the message and why it ended.

    One choice was asked for; some servers put the words into the first and the calls into another.
    """
    choices = [wire.mapping(choice) for choice in wire.listed(body.get("choices"))]
    choices = [choice for choice in choices if isinstance(choice.get("message"), dict)]
    if not choices:
        raise MalformedAnswerError("the answer holds no choices[0].message")
    calling = next((choice for choice in choices if _calls(choice["message"])), choices[0])
    message = dict(calling["message"])
    if not _text(message.get("content")):
        spoken = next(
            (c["message"] for c in choices if _text(c["message"].get("content"))), message
        )
        message["content"] = spoken.get("content")
    return message, calling.get("finish_reason")


def _finish(reason: object) -> str:
    if not isinstance(reason, str):
        return "stop" if reason is None else "other"
    if reason.lower() in _BROKEN:
        raise MalformedAnswerError(f"it ended with {reason!r}")
    return _FINISH.get(reason.lower() or "stop", "other")


def _calls(message: dict[str, Any]) -> list[dict[str, Any]]:
    found = wire.listed(message.get("tool_calls"))
    if not found and isinstance(legacy := message.get("function_call"), dict) and legacy:
        found = [{"function": legacy}]
    return [wire.mapping(call) for call in found]


def _call(call: dict[str, Any], call_id: str, work: ModelWork, names: ToolNames) -> ProposedCall:
    function = wire.mapping(call.get("function")) or call
    name = function.get("name")
    ours = names.ours(name.strip()) if isinstance(name, str) else ""
    arguments = wire.none_given(function.get("arguments"), ours, work)
    return wire.proposed(call_id, ours, arguments, call.get(wire.DOUBT))


def _text(content: object) -> str | None:
    """Return the text of a content that is a string or a list of parts."""
    if isinstance(content, list):
        parts = (wire.mapping(part).get("text") for part in content)
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else None


def _opaque(
    message: dict[str, Any], calls: Sequence[dict[str, Any]], target: Target
) -> Content | None:
    """Return what the vendor added to the message and to its calls, which only it is sent again."""
    extra = {key: value for key, value in message.items() if key not in _UNDERSTOOD and value}
    content = message.get("content")
    if isinstance(content, list) and any(wire.mapping(p).get("type") != "text" for p in content):
        extra["content"] = content
    attached = {
        str(place): more
        for place, call in enumerate(calls)
        if (more := {key: value for key, value in call.items() if key not in _CALL and value})
    }
    return wire.keep(target.provider, extra, attached) if extra or attached else None


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


CODEC = Codec(request, parse, _credentials, ChatAssembly, spoken)
"""Chat completions."""
