"""The wire of Anthropic's messages."""

from __future__ import annotations

import re
from typing import Any

from runfold.events.calls import Message, ModelWork, Role
from runfold.events.contents.attachments import Shown
from runfold.events.contents.content import Content
from runfold.events.values import ProposedCall, Usage
from runfold.processors.model.attachments import Part, parts_of
from runfold.processors.model.providers import history, wire
from runfold.processors.model.providers.pauses import joined, resume
from runfold.processors.model.providers.streams.message import MessageAssembly, spoken
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

_KIND = re.compile(r"[a-z][a-z0-9_]{0,63}")

_PLAIN = {
    "text": frozenset({"type", "text"}),
    "tool_use": frozenset({"type", "id", "name", "input", wire.DOUBT}),
}


def request(work: ModelWork, target: Target, names: ToolNames) -> WireRequest:
    """Return the messages request of a call, marked for the prompt cache."""
    body: dict[str, Any] = {
        "max_tokens": work.max_output_tokens or _DEFAULT_MAX_TOKENS,
        **wire.parameters(work, _DECIDED),
        "model": target.model,
        "messages": [
            _turn(turn, target, names)
            for turn in history.turns(work.messages, history.ANTHROPIC_IDS)
        ],
    }
    goal = next((each for each in body["messages"] if each["role"] == "user"), None)
    if goal is not None:
        goal["content"] += map(_part, parts_of(work, documents=True))
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


def _part(part: Part) -> dict[str, Any]:
    source = {"type": "base64", "media_type": part.media_type, "data": part.data}
    if part.shown is Shown.PICTURE:
        return {"type": "image", "source": source}
    if part.shown is Shown.DOCUMENT:
        return {"type": "document", "source": source, "title": part.name}
    return {"type": "text", "text": part.text}


def _turn(turn: list[Message], target: Target, names: ToolNames) -> dict[str, Any]:
    if turn[0].role is Role.ASSISTANT:
        blocks = _again(turn[0], target, names) or _spoken(turn[0], names)
        return {"role": "assistant", "content": blocks}
    return {"role": "user", "content": [_said(message, names) for message in turn]}


def _again(message: Message, target: Target, names: ToolNames) -> list[dict[str, Any]] | None:
    """Return the blocks that this vendor wrote, without those that it would refuse.

    None where it wrote none, or where they are not the calls of the message.
    """
    kept = history.kept(message, target.provider)
    blocks = [wire.mapping(block) for block in kept] if isinstance(kept, list) else []
    uses = [block for block in blocks if block.get("type") == "tool_use"]
    if not blocks or len(uses) != len(message.tool_calls):
        return None
    calls = iter(message.tool_calls)
    results = [block.get("tool_use_id") for block in blocks]
    answered = {given for given in results if isinstance(given, str)}
    found: list[dict[str, Any]] = []
    for block in blocks:
        if block.get("type") == "tool_use":
            found.append({**block, **_use(next(calls), names, block.get("input"))})
        elif _is_taken(block, answered):
            found.append(block)
    if not found or str(found[-1]["type"]).endswith("thinking"):
        found.append({"type": "text", "text": wire.NO_ANSWER})
    return found


def _is_taken(block: dict[str, Any], answered: set[str]) -> bool:
    """Return whether the vendor takes a block back that is no call."""
    kind = block.get("type")
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        return False
    if kind == "text":
        said = block.get("text")
        return isinstance(said, str) and bool(said.strip())
    if kind == "thinking":
        return isinstance(block.get("thinking"), str) and _is_id(block.get("signature"))
    # What the vendor's own tool never answered is refused as soon as anything follows.
    return not kind.endswith("_tool_use") or str(block.get("id")) in answered


def _is_id(given: object) -> bool:
    return isinstance(given, str) and bool(given)


def _use(call: ProposedCall, names: ToolNames, written: object = None) -> dict[str, Any]:
    given = written if isinstance(written, dict) else history.arguments_for(call)
    return {"type": "tool_use", "id": call.id, "name": names.wire(call.name), "input": given}


def _spoken(message: Message, names: ToolNames) -> list[dict[str, Any]]:
    said = wire.read(message.content)
    blocks = [_use(call, names) for call in message.tool_calls]
    if said.strip() or not blocks:
        blocks.insert(0, {"type": "text", "text": said.rstrip() or wire.NO_ANSWER})
    return blocks


def _said(message: Message, names: ToolNames) -> dict[str, Any]:
    said = wire.read(message.content)
    if message.role is not Role.TOOL:
        return {"type": "text", "text": said if said.strip() else "(empty message)"}
    block: dict[str, Any] = {
        "type": "tool_result",
        "tool_use_id": message.call_id or "",
        "content": said,
    }
    if message.is_error:
        block |= {"content": names.told(said), "is_error": True}
    return block


def parse(body: Any, work: ModelWork, target: Target, names: ToolNames) -> WireAnswer:
    """Return the answer that a message holds; MalformedAnswerError otherwise."""
    content = wire.mapping(body).get("content")
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    if not isinstance(content, list):
        raise MalformedAnswerError("the answer holds no list of content blocks")
    blocks = [wire.mapping(block) for block in content]
    texts = [block.get("text") for block in blocks if block.get("type") == "text"]
    found, left_out = wire.bounded([each for each in blocks if each.get("type") == "tool_use"])
    ids = wire.call_ids([block.get("id") for block in found], work)
    calls = [_call(*each, work, names) for each in zip(found, ids, strict=True)]
    usage = _usage(body.get("usage"))
    spoken = "".join(text for text in texts if isinstance(text, str))
    finish = _finish(body.get("stop_reason"))
    return WireAnswer(
        answer=wire.answer_of(spoken, calls, finish, _opaque(blocks, calls, target)),
        usage=usage,
        response_id=wire.response_id(body),
        note=left_out or wire.doubted(usage),
    )


def _finish(reason: object) -> str:
    if not isinstance(reason, str):
        return "stop" if reason is None else "other"
    return _FINISH.get(reason or "end_turn", "other")


def _opaque(
    blocks: list[dict[str, Any]], calls: list[ProposedCall], target: Target
) -> Content | None:
    """Return all blocks in order where one is more than text or a call, or has more to it.

    Thinking is signed over its place among the others. What a call holds already is left out.
    """
    if not any(block.keys() - _PLAIN.get(str(block.get("type")), frozenset()) for block in blocks):
        return None
    sound = iter(calls)
    kept = []
    for block in blocks:
        items = {key: value for key, value in block.items() if key != wire.DOUBT}
        if block.get("type") == "tool_use":
            call = next(sound, None)
            if call is None:
                continue
            if call.problem is None:
                items.pop("input", None)
        kept.append(items)
    return wire.keep(target.provider, kept)


def _call(block: dict[str, Any], call_id: str, work: ModelWork, names: ToolNames) -> ProposedCall:
    name = block.get("name")
    ours = names.ours(name.strip()) if isinstance(name, str) else ""
    arguments = wire.none_given(block.get("input"), ours, work)
    return wire.proposed(call_id, ours, arguments, block.get(wire.DOUBT))


def _usage(reported: object) -> Usage | None:
    """Anthropic's input tokens leave out the cache; ours include it."""
    if not isinstance(reported, dict) or "input_tokens" not in reported:
        return None
    read = wire.count(reported.get("cache_read_input_tokens"))
    written = wire.count(reported.get("cache_creation_input_tokens"))
    return Usage(
        input_tokens=wire.count(wire.count(reported["input_tokens"]) + read + written),
        output_tokens=wire.count(reported.get("output_tokens")),
        cache_read_tokens=read,
        cache_write_tokens=written,
    )


def _credentials(key: str) -> dict[str, str]:
    return {"x-api-key": key}


CODEC = Codec(request, parse, _credentials, MessageAssembly, spoken, resume, joined)
"""Messages."""
