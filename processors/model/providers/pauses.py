"""Answers that Anthropic paused: it goes on when it is sent what it wrote so far."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from runfold.processors.model.providers.wire import DOUBT, WireRequest, count, mapping

_PAUSED = "pause_turn"


def resume(request: WireRequest, body: Any) -> WireRequest | None:
    """Return the request that goes on with a paused answer, None for any other answer."""
    said = mapping(body)
    content = said.get("content")
    if said.get("stop_reason") != _PAUSED or not isinstance(content, list) or not content:
        return None
    content = [{k: v for k, v in mapping(block).items() if k != DOUBT} for block in content]
    messages = [*request.body["messages"]]
    if messages and messages[-1]["role"] == "assistant":
        content = [*messages.pop()["content"], *content]
    more = [*messages, {"role": "assistant", "content": content}]
    return replace(request, body={**request.body, "messages": more})


def joined(before: Any, after: Any) -> dict[str, Any]:
    """Return one message of an answer's two parts, with what both used."""
    first, last = mapping(before), mapping(after)
    content = [*(first.get("content") or ()), *(last.get("content") or ())]
    used, more = mapping(first.get("usage")), mapping(last.get("usage"))
    usage = {name: count(used.get(name)) + count(more.get(name)) for name in {**used, **more}}
    return {**last, "content": content, **({"usage": usage} if usage else {})}
