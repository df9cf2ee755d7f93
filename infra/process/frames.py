"""The messages between a process and its children: a small JSON object, and bytes beside it.

    4 bytes     length of the head
    4 bytes     length of the body
    head        JSON object, at most ``MOST_HEAD`` bytes
    body        bytes, at most ``MOST_BODY`` unless both ends agree on another bound

A child runs code of others, or reads what strangers sent, so what comes from it is checked here for
its form, and by whoever reads it for its meaning. Nothing is ever unpickled.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MOST_HEAD = 256 * 1024
MOST_BODY = 64 * 1024 * 1024

_LENGTHS = struct.Struct("!II")

json_text = json.JSONEncoder(separators=(",", ":")).encode
"""Returns the JSON of a value, in ASCII; made once, since that costs more than to use it."""


class FrameError(Exception):
    """What came is not a message."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message; ``head["kind"]`` says which."""

    head: dict[str, Any]
    body: bytes = b""

    @property
    def kind(self) -> str:
        """What the message is, an empty text where it does not say."""
        return self.text("kind")

    def text(self, name: str, most: int = 4000) -> str:
        """Return a field's text, at most so many characters; empty where it is no text."""
        value = self.head.get(name)
        return value[:most] if isinstance(value, str) else ""

    def number(self, name: str) -> int | None:
        """Return a field's whole number, None where it is none."""
        value = self.head.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None


def packed(frame: Frame, most_body: int = MOST_BODY) -> bytes:
    """Return a message's bytes; raises FrameError where it is larger than it may be."""
    head = json_text(frame.head).encode()
    _need_bounded(len(head), len(frame.body), most_body)
    return b"".join((_LENGTHS.pack(len(head), len(frame.body)), head, frame.body))


async def read_frame(reader: asyncio.StreamReader, most_body: int = MOST_BODY) -> Frame | None:
    """Return the next message of a stream, None at its end; raises FrameError for what is none."""
    try:
        head, body = _LENGTHS.unpack(await reader.readexactly(_LENGTHS.size))
        _need_bounded(head, body, most_body)
        said = _object(await reader.readexactly(head))
        return Frame(said, await reader.readexactly(body))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


class Frames:
    """Puts messages together from the pieces that a socket gives."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def take(self, data: bytes) -> Iterator[Frame]:
        """Yield the messages that are whole now; raises FrameError for what is none."""
        self._waiting += data
        while len(self._waiting) >= _LENGTHS.size:
            head, body = _LENGTHS.unpack_from(self._waiting)
            _need_bounded(head, body, MOST_BODY)
            start = _LENGTHS.size + head
            end = start + body
            if len(self._waiting) < end:
                return
            said = _object(bytes(self._waiting[_LENGTHS.size : start]))
            held = bytes(self._waiting[start:end])
            del self._waiting[:end]
            yield Frame(said, held)


def _need_bounded(head: int, body: int, most_body: int) -> None:
    if head > MOST_HEAD or body > most_body:
        raise FrameError(f"a message of {head} and {body} bytes")


def _object(data: bytes) -> dict[str, Any]:
    try:
        said = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FrameError("a head that is not JSON") from error
    if not isinstance(said, dict):
        raise FrameError("a head that is no object")
    return said
