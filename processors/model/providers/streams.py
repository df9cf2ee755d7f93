"""Server-sent events of a streamed answer, put together into the body that an unstreamed one has.

So the codecs read one form, and a stream adds only when its first token came.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from runfold.processors.model.providers.wire import mapping

_DONE = "[DONE]"


async def events(chunks: AsyncIterator[bytes]) -> AsyncIterator[dict[str, Any]]:
    """Yield the JSON objects of a stream of server-sent events; what is none is passed over."""
    rest, data = b"", list[str]()
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            for event in _line(line.rstrip(b"\r").decode("utf-8", "replace"), data):
                yield event
    for last in (rest.decode("utf-8", "replace"), ""):
        for event in _line(last, data):
            yield event


def _line(line: str, data: list[str]) -> Iterator[dict[str, Any]]:
    if line.startswith("data:"):
        data.append(line[5:].strip())
    elif not line and data:
        said = "\n".join(data)
        data.clear()
        if said != _DONE and isinstance(found := _decoded(said), dict):
            yield found


def _decoded(said: str) -> Any:
    try:
        return json.loads(said)
    except (ValueError, RecursionError):
        return None


class ChatAssembly:
    """Chunks of a chat completion."""

    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._message: dict[str, Any] = {}
        self._calls: dict[int, dict[str, Any]] = {}
        self._finish: object = None

    def take(self, event: dict[str, Any]) -> bool:
        """Add a chunk."""
        self._head |= {name: event[name] for name in ("id", "usage", "error") if event.get(name)}
        choices = event.get("choices")
        choice = mapping(choices[0]) if isinstance(choices, list) and choices else {}
        self._finish = choice.get("finish_reason") or self._finish
        written = False
        for name, value in mapping(choice.get("delta")).items():
            if name == "tool_calls" and isinstance(value, list):
                for part in value:
                    self._call(mapping(part))
                written = written or bool(value)
            elif name != "role" and isinstance(value, str):
                self._message[name] = f"{self._message.get(name) or ''}{value}"
                written = written or bool(value)
            elif value is not None:
                self._message[name] = value
        return written

    def body(self) -> dict[str, Any] | None:
        """Return the chat completion; it is whole once it says why it finished."""
        if self._head.get("error"):
            return self._head
        if self._finish is None:
            return None
        message = dict(self._message)
        if self._calls:
            message["tool_calls"] = [self._calls[index] for index in sorted(self._calls)]
        return {**self._head, "choices": [{"message": message, "finish_reason": self._finish}]}

    def _call(self, part: dict[str, Any]) -> None:
        index = part.get("index")
        if not isinstance(index, int):
            # Some servers leave it out: an id begins a call, what has none goes on with the last.
            index = len(self._calls) if part.get("id") else max(0, len(self._calls) - 1)
        call = self._calls.setdefault(index, {"function": {"name": "", "arguments": ""}})
        if part.get("id"):
            call["id"] = part["id"]
        for name, value in mapping(part.get("function")).items():
            if isinstance(value, str):
                call["function"][name] = call["function"].get(name, "") + value


class MessageAssembly:
    """Events of an Anthropic message."""

    def __init__(self) -> None:
        self._message: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._inputs: dict[int, str] = {}
        self._whole = False

    def take(self, event: dict[str, Any]) -> bool:
        """Add an event."""
        match event.get("type"):
            case "message_start":
                self._message |= mapping(event.get("message"))
            case "content_block_start":
                self._blocks[_index(event)] = dict(mapping(event.get("content_block")))
            case "content_block_delta":
                self._delta(_index(event), mapping(event.get("delta")))
                return True
            case "message_delta":
                self._message |= mapping(event.get("delta"))
                used = mapping(self._message.get("usage")) | mapping(event.get("usage"))
                self._message["usage"] = used
            case "message_stop":
                self._whole = True
            case "error":
                self._message = {"error": event.get("error") or "no reason"}
                self._whole = True
            case _:
                pass
        return False

    def body(self) -> dict[str, Any] | None:
        """Return the message; it is whole once it was said to have stopped."""
        if not self._whole:
            return None
        if self._message.get("error"):
            return self._message
        for index, said in self._inputs.items():
            # What is no JSON stays a text, as the codec expects of a call that was cut off.
            found = _decoded(said or "{}")
            self._blocks[index]["input"] = said if found is None else found
        return {**self._message, "content": [self._blocks[at] for at in sorted(self._blocks)]}

    def _delta(self, index: int, delta: dict[str, Any]) -> None:
        block = self._blocks.setdefault(index, {})
        for name, value in delta.items():
            if name == "partial_json":
                self._inputs[index] = self._inputs.get(index, "") + str(value)
            elif name != "type" and isinstance(value, str):
                block[name] = f"{block.get(name) or ''}{value}"
            elif name == "citation":
                block["citations"] = [*(block.get("citations") or ()), value]


def _index(event: dict[str, Any]) -> int:
    index = event.get("index")
    return index if isinstance(index, int) else 0
