"""The wire of Anthropic's messages."""

from __future__ import annotations

from typing import Any

from runfold.events.calls import Message, ModelWork, Role
from runfold.events.values import ProposedCall, Usage
from runfold.processors.model.providers import wire
from runfold.processors.model.providers.streams import MessageAssembly
from runfold.processors.model.providers.tool_names import ToolNames
from runfold.processors.model.providers.wire import (
    Codec,
    MalformedAnswerError,
    Target,
    WireAnswer,
    WireRequest,
)

_VERSION = "2023-06-01"
_DEFAULT_MAX_TOKENS = 8192

# Everything up to a marked block is read from the provider's cache the next time [125].
_CACHED = {"cache_control": {"type": "ephemeral"}}

_DECIDED = frozenset({"model", "messages", "system", "tools", "stream"})

_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}


def request(work: ModelWork, target: Target, names: ToolNames) -> WireRequest:
    """Return the messages request of a call, marked for the prompt cache."""
    body: dict[str, Any] = {
        "max_tokens": work.max_output_tokens or _DEFAULT_MAX_TOKENS,
        **wire.parameters(work, _DECIDED),
        "model": target.model,
        "messages": [_turn(turn, target, names) for turn in wire.turns(work.messages)],
    }
    instructions = wire.read(work.instructions)
    if instructions:
        body["system"] = [{"type": "text", "text": instructions, **_CACHED}]
    if work.tools:
        body["tools"] = [
            {
                "name": names.wire(tool.name),
                "description": tool.description,
                "input_schema": wire.schema(tool.input_schema),
            }
            for tool in work.tools
        ]
        body["tools"][-1].update(_CACHED)
    if work.messages and body["messages"][-1]["role"] == "user":
        body["messages"][-1]["content"][-1].update(_CACHED)
    streamed = wire.streams(work)
    if streamed:
        body["stream"] = True
    headers = {"anthropic-version": _VERSION}
    return WireRequest(path="/v1/messages", headers=headers, body=body, streamed=streamed)


def _turn(turn: list[Message], target: Target, names: ToolNames) -> dict[str, Any]:
    if turn[0].role is Role.ASSISTANT:
        blocks = wire.kept(turn[0], target.provider)
        if not isinstance(blocks, list):
            blocks = _spoken(turn[0], names)
        return {"role": "assistant", "content": blocks}
    return {"role": "user", "content": [_said(message) for message in turn]}


def _spoken(message: Message, names: ToolNames) -> list[dict[str, Any]]:
    said = wire.read(message.content)
    blocks: list[dict[str, Any]] = [
        {
            "type": "tool_use",
            "id": call.id,
            "name": names.wire(call.name),
            "input": wire.arguments_for(call),
        }
        for call in message.tool_calls
    ]
    if said.strip() or not blocks:
        blocks.insert(0, {"type": "text", "text": said.rstrip() or wire.NO_ANSWER})
    return blocks


def _said(message: Message) -> dict[str, Any]:
    said = wire.read(message.content)
    if message.role is not Role.TOOL:
        return {"type": "text", "text": said if said.strip() else "(empty message)"}
    block: dict[str, Any] = {
        "type": "tool_result",
        "tool_use_id": message.call_id or "",
        "content": said,
    }
    if message.is_error:
        block["is_error"] = True
    return block


def parse(body: Any, work: ModelWork, target: Target, names: ToolNames) -> WireAnswer:
    """Return the answer that a message holds; MalformedAnswerError otherwise."""
    blocks = wire.mapping(body).get("content")
    if not isinstance(blocks, list):
        raise MalformedAnswerError("the answer holds no list of content blocks")
    texts: list[str] = []
    calls: list[ProposedCall] = []
    opaque = False
    for block in map(wire.mapping, blocks):
        match block.get("type"):
            case "text":
                texts.append(str(block.get("text", "")))
            case "tool_use":
                calls.append(_call(block, len(calls), work, names))
            case _:
                opaque = True
    finish = _FINISH.get(body.get("stop_reason") or "end_turn", "other")
    # Thinking is signed over its place among the other blocks: keep all of them, in order.
    kept = wire.keep(target.provider, blocks) if opaque else None
    return WireAnswer(
        answer=wire.answer_of("".join(texts), calls, finish, kept),
        usage=_usage(body.get("usage")),
        response_id=body["id"] if isinstance(body.get("id"), str) else None,
    )


def _call(block: dict[str, Any], index: int, work: ModelWork, names: ToolNames) -> ProposedCall:
    given, name = block.get("id"), block.get("name")
    return wire.proposed(
        given if isinstance(given, str) and given else wire.call_id_for(work, index),
        names.ours(name) if isinstance(name, str) else "",
        block.get("input", {}),
    )


def _usage(reported: object) -> Usage | None:
    """Anthropic's input tokens leave out the cache; ours include it."""
    if not isinstance(reported, dict) or "input_tokens" not in reported:
        return None
    read = wire.count(reported.get("cache_read_input_tokens"))
    written = wire.count(reported.get("cache_creation_input_tokens"))
    return Usage(
        input_tokens=wire.count(reported["input_tokens"]) + read + written,
        output_tokens=wire.count(reported.get("output_tokens")),
        cache_read_tokens=read,
        cache_write_tokens=written,
    )


def _credentials(key: str) -> dict[str, str]:
    return {"x-api-key": key}


CODEC = Codec(request, parse, _credentials, MessageAssembly)
"""Messages."""
