"""What the vendors refuse of the messages of a request."""

from __future__ import annotations

import re
from typing import Any


def of_openai(body: dict[str, Any]) -> str | None:
    """What OpenAI says against the messages of a request."""
    owed: list[str] = []
    for said in body["messages"]:
        if said["role"] == "tool":
            if said["tool_call_id"] not in owed:
                return f"a result of no call: {said}"
            owed.remove(said["tool_call_id"])
            continue
        if owed:
            return f"no result of {owed}"
        if not said.get("content") and not said.get("tool_calls"):
            return f"nothing said: {said}"
        owed = [each["id"] for each in said.get("tool_calls") or ()]
        if not all(0 < len(each) <= 40 for each in owed):
            return f"an id that is too long: {owed}"
    return f"no result of {owed}" if owed else None


def of_anthropic(body: dict[str, Any]) -> str | None:
    """What Anthropic says against the messages of a request."""
    ids: set[str] = set()
    owed: list[str] = []
    before = None
    for said in body["messages"]:
        blocks, role = said["content"], said["role"]
        if role == before or (before is None and role != "user") or not blocks:
            return f"roles take turns, and say something: {said}"
        before = role
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        if sorted(results) != sorted(owed):
            return f"results of {owed}, not of {results}"
        fault = next((f for block in blocks if (f := _of_block(block, ids))), None)
        if fault or blocks[-1]["type"] in {"thinking", "redacted_thinking"}:
            return fault or "thinking comes before something"
        owed = [block["id"] for block in blocks if block["type"] == "tool_use"]
        served = [block["id"] for block in blocks if block["type"] == "server_tool_use"]
        if set(served) - {block.get("tool_use_id") for block in blocks}:
            return f"no result of {served}"
    return f"no result of {owed}" if owed else None


def _of_block(block: dict[str, Any], ids: set[str]) -> str | None:
    kind = block["type"]
    if kind == "text" and not block["text"].strip():
        return "an empty text"
    if kind == "thinking" and not block.get("signature"):
        return "thinking without a signature"
    if kind == "tool_use":
        if block["id"] in ids or not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", block["id"]):
            return f"an id that is not fit: {block['id']}"
        ids.add(block["id"])
        if not isinstance(block["input"], dict) or not block["name"]:
            return f"a use that is none: {block}"
    return None
