"""Events of an Anthropic message, put together into the body that an unstreamed one has."""

from __future__ import annotations

from typing import Any

from runfold.processors.model.providers.streams.calls import arguments_of
from runfold.processors.model.providers.streams.events import json_of
from runfold.processors.model.providers.wire import DOUBT, mapping

_TWO = "the stream holds two different inputs for this call"
_UNENDED = "the stream did not say that this call is whole"


class MessageAssembly:
    """Takes the events of one answer in order."""

    def __init__(self) -> None:
        self._message: dict[str, Any] = {}
        self._blocks: list[_Block] = []
        self._at: dict[int, _Block] = {}
        self._stopped = False

    def take(self, event: dict[str, Any]) -> bool:
        """Add an event."""
        match event.get("type"):
            case "message_start":
                self._add(mapping(event.get("message")))
            case "content_block_start":
                self._begin(event, mapping(event.get("content_block")))
            case "content_block_delta":
                block = self._block(event) or self._begin(event, {})
                block.add(mapping(event.get("delta")))
                return True
            case "content_block_stop":
                if ended := self._block(event):
                    ended.stopped = True
            case "message_delta":
                self._add(mapping(event.get("delta")))
                self._add({"usage": event.get("usage")})
            case "message_stop":
                self._stopped = True
            case "error":
                self._message["error"] = event.get("error") or event.get("message") or "no reason"
            case _ if event.get("error"):
                self._message["error"] = event["error"]
            case _:
                pass
        return False

    def body(self) -> dict[str, Any] | None:
        """Return the message; it is whole once it was said to have stopped, and why."""
        if self._message.get("error"):
            return self._message
        if not self._stopped and not self._message.get("stop_reason"):
            return None
        return {**self._message, "content": [block.body() for block in self._blocks]}

    def _add(self, said: dict[str, Any]) -> None:
        """Add what is said of the message; a later null or zero takes no count back."""
        for name, value in said.items():
            if name == "usage":
                used = dict(mapping(self._message.get("usage")))
                for counted, number in mapping(value).items():
                    if number or counted not in used:
                        used[counted] = number
                self._message["usage"] = used
            elif name != "content" and value is not None:
                self._message[name] = value

    def _begin(self, event: dict[str, Any], said: dict[str, Any]) -> _Block:
        block = _Block(said)
        self._blocks.append(block)
        if isinstance(index := event.get("index"), int):
            self._at[index] = block
        return block

    def _block(self, event: dict[str, Any]) -> _Block | None:
        """Return the block that an event is about: that of its index, else the newest."""
        index = event.get("index")
        if isinstance(index, int):
            return self._at.get(index)
        return self._blocks[-1] if self._blocks else None


class _Block:
    """One block of content as far as it came."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.stopped = False
        self._said = said
        self._texts: dict[str, list[str]] = {}
        self._citations: list[Any] = []
        self._inputs: list[str] = []
        self._objects: list[Any] = []

    def add(self, delta: dict[str, Any]) -> None:
        for name, value in delta.items():
            if name == "partial_json":
                if isinstance(value, str):
                    self._inputs.append(value)
                elif value is not None:
                    self._objects.append(value)
            elif name == "citation":
                self._citations.append(value)
            elif name == "type":
                # A server that never began the block says only here what it holds.
                self._said.setdefault("type", _KINDS.get(value) if isinstance(value, str) else None)
            elif isinstance(value, str):
                self._texts.setdefault(name, []).append(value)

    def body(self) -> dict[str, Any]:
        block = dict(self._said)
        for name, pieces in self._texts.items():
            before = block.get(name)
            block[name] = (before if isinstance(before, str) else "") + "".join(pieces)
        if self._citations:
            block["citations"] = [*(block.get("citations") or ()), *self._citations]
        if str(block.get("type")).endswith("tool_use") or self._inputs:
            self._put_input(block)
        return block

    def _put_input(self, block: dict[str, Any]) -> None:
        begun = block.get("input")
        said = arguments_of(self._inputs)
        # What is not JSON stays a text, as the codec expects of a call that was cut off.
        found = [*([begun] if begun else []), *self._objects]
        if said.strip():
            parsed = json_of(said)
            found.append(said if parsed is None else parsed)
        block["input"] = found[-1] if found else begun
        if any(each != found[-1] for each in found):
            block[DOUBT] = _TWO
        elif not found and not self.stopped:
            block[DOUBT] = _UNENDED


_KINDS = {
    "text_delta": "text",
    "input_json_delta": "tool_use",
    "thinking_delta": "thinking",
    "signature_delta": "thinking",
}


def spoken(event: dict[str, Any]) -> str:
    """Return the text for people that an event adds; empty where it adds none."""
    delta = mapping(event.get("delta"))
    text = delta.get("text") if event.get("type") == "content_block_delta" else None
    return text if isinstance(text, str) else ""
