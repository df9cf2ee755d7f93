"""Chunks of a chat completion, put together into the body that an unstreamed one has."""

from __future__ import annotations

from typing import Any

from runfold.processors.model.providers.streams.calls import CallParts, one_of
from runfold.processors.model.providers.streams.events import DONE
from runfold.processors.model.providers.wire import listed, mapping

_SPOKEN = frozenset({"content", "refusal", "reasoning", "reasoning_content", "thinking"})
_JOINED = ("text", "summary", "thinking")


class ChatAssembly:
    """Takes the chunks of one answer in order."""

    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._choices: dict[int, _Choice] = {}
        self._done = False

    def take(self, event: dict[str, Any]) -> bool:
        """Add a chunk."""
        if event is DONE:
            self._done = True
            return False
        if event.get("object") == "error" and not event.get("error"):
            event = {"error": event}
        self._head |= {name: event[name] for name in ("usage", "error") if event.get(name)}
        if event.get("id"):
            self._head.setdefault("id", event["id"])
        written = False
        for said in map(mapping, listed(event.get("choices"))):
            index = said.get("index")
            choice = self._choices.setdefault(index if isinstance(index, int) else 0, _Choice())
            written = choice.take(said) or written
            if used := said.get("usage"):
                self._head["usage"] = used
        return written

    def body(self) -> dict[str, Any] | None:
        """Return the chat completion; it is whole once it says why it finished, or is done."""
        choices = [self._choices[index] for index in sorted(self._choices)]
        error = self._head.get("error") or next((c.error for c in choices if c.error), None)
        if error:
            return {**self._head, "error": error}
        ended = any(choice.finish for choice in choices)
        if not ended and not (self._done and any(choice.said for choice in choices)):
            return None
        return {**self._head, "choices": [choice.body(ended=ended) for choice in choices]}


class _Choice:
    """One of the choices of an answer."""

    def __init__(self) -> None:
        self.finish: str | None = None
        self.said = False
        self.error: Any = None
        self._texts: dict[str, list[str]] = {}
        self._lists: dict[str, list[Any]] = {}
        self._other: dict[str, Any] = {}
        self._calls = CallParts()
        self._called = False

    def take(self, said: dict[str, Any]) -> bool:
        reason = said.get("finish_reason")
        if isinstance(reason, str) and reason:
            self.finish = reason
        self.error = said.get("error") or self.error
        written = False
        new = mapping(said.get("delta"))
        if not new and not self.said:
            # A stream of one chunk, which holds the message.
            new = mapping(said.get("message"))
        for name, value in new.items():
            written = self._add(name, value) or written
        self.said = self.said or written
        return written

    def _add(self, name: str, value: Any) -> bool:
        if name == "tool_calls":
            parts = listed(value)
            for part in map(mapping, parts):
                self._calls.take(part)
            self._called = self._called or bool(parts)
            return bool(parts)
        if name == "function_call" and isinstance(value, dict):
            self._calls.take({"function": value})
            self._called = True
            return True
        if name == "role" or value is None:
            return False
        if isinstance(value, str):
            self._texts.setdefault(name, []).append(value)
            return bool(value)
        if isinstance(value, list):
            found = self._lists.setdefault(name, [])
            for item in value:
                _extend(found, item)
            return bool(value)
        self._other[name] = value
        return name in _SPOKEN and bool(value)

    def body(self, *, ended: bool) -> dict[str, Any]:
        whole = {name: [_settled(item) for item in found] for name, found in self._lists.items()}
        message = {**self._other, **whole}
        for name, pieces in self._texts.items():
            said = "".join(pieces) if name in _SPOKEN else one_of(pieces)
            if name not in message:
                message[name] = said
            elif said and isinstance(message[name], list):
                message[name] = [*message[name], {"type": "text", "text": said}]
        if self._called:
            message["tool_calls"] = self._calls.bodies(ended=ended)
        return {"message": message, "finish_reason": self.finish}


class _Growing(list[str]):
    """The pieces of a text that may go on."""


def _extend(found: list[Any], item: Any) -> None:
    """Add an item of a list to those before it; text that goes on is joined to its beginning."""
    if not isinstance(item, dict):
        found.append(item)
        return
    last = found[-1] if found else None
    if not isinstance(last, dict) or not _goes_on(last, item):
        last = {}
        found.append(last)
    for name, value in item.items():
        if name in _JOINED and isinstance(value, str):
            before = last.get(name)
            if isinstance(before, _Growing):
                before.append(value)
            else:
                last[name] = _Growing([value])
        elif name in _JOINED and isinstance(value, list):
            before = last.get(name)
            if not isinstance(before, list) or isinstance(before, _Growing):
                last[name] = before = []
            for each in value:
                _extend(before, each)
        elif value is not None or name not in last:
            last[name] = value


def _goes_on(last: dict[str, Any], item: dict[str, Any]) -> bool:
    """Return whether an item is the next piece of the last one, and nothing of its own."""
    if not any(name in item for name in _JOINED):
        return "signature" in item and item.get("index") == last.get("index") is not None
    same = all(last.get(name) == item.get(name) for name in ("type", "index"))
    return same and (not item.get("id") or item.get("id") == last.get("id"))


def _settled(item: Any) -> Any:
    if isinstance(item, _Growing):
        return "".join(item)
    if isinstance(item, dict):
        return {name: _settled(value) if name in _JOINED else value for name, value in item.items()}
    return [_settled(each) for each in item] if isinstance(item, list) else item


def spoken(event: dict[str, Any]) -> str:
    """Return the text for people that a chunk adds; empty where it adds none."""
    for choice in listed(event.get("choices"))[:1]:
        said = mapping(mapping(choice).get("delta")).get("content")
        return said if isinstance(said, str) else ""
    return ""
