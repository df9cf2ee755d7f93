"""Server-sent events as JSON objects, however the bytes were cut."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

DONE: Final[dict[str, Any]] = {"object": "[DONE]"}
"""What stands for ``data: [DONE]``: the server says that its stream is at its end."""

_END_OF_LINE = re.compile(rb"\r\n|\n|\r")


async def events(chunks: AsyncIterator[bytes]) -> AsyncIterator[dict[str, Any]]:
    """Yield the JSON objects of a stream of server-sent events; what is none is passed over.

    An event that the server itself calls an error is yielded as ``{"error": what it holds}``.
    """
    reader = _Events()
    pending = bytearray()
    async for chunk in chunks:
        seen = len(pending)
        pending += chunk
        # A carriage return at the very end may be the first half of a line's end.
        end = max(pending.rfind(b"\n", seen), pending.rfind(b"\r", max(0, seen - 1), -1))
        if end < 0:
            continue
        lines = _END_OF_LINE.split(bytes(pending[: end + 1]))
        del pending[: end + 1]
        if lines[-1] == b"":
            lines.pop()
        for line in lines:
            for event in reader.line(line):
                yield event
    for line in (*_END_OF_LINE.split(bytes(pending)), b""):
        for event in reader.line(line):
            yield event


def events_in(data: bytes) -> Iterator[dict[str, Any]]:
    """Yield the events of a stream that is here in full."""
    reader = _Events()
    for line in (*_END_OF_LINE.split(data), b""):
        yield from reader.line(line)


class _Events:
    """The lines of one stream, gathered into events."""

    def __init__(self) -> None:
        self._name = ""
        self._data: list[str] = []
        self._begun = False

    def line(self, line: bytes) -> Iterator[dict[str, Any]]:
        """Take one line; yield the event that it ends."""
        if not self._begun:
            line, self._begun = line.removeprefix(codecs.BOM_UTF8), True
        if line:
            name, _, value = line.decode("utf-8", "replace").partition(":")
            if name == "data":
                self._data.append(value.strip())
            elif name == "event":
                self._name = value.strip()
            return
        said, name = "\n".join(self._data), self._name
        self._data, self._name = [], ""
        if said == "[DONE]":
            yield DONE
        elif said:
            found = json_of(said)
            if name == "error" and not (isinstance(found, dict) and found.get("error")):
                found = {"error": said if found is None else found}
            if isinstance(found, dict):
                yield found


def json_of(said: str) -> Any:
    """Return the JSON value that a text holds, None where it holds none."""
    try:
        return json.loads(said)
    except (ValueError, RecursionError):
        return None
