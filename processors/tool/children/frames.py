"""The messages between a process and its children: a small JSON object, and bytes beside it.

    4 bytes     length of the head
    4 bytes     length of the body
    head        JSON object, at most ``MOST_HEAD`` bytes
    body        bytes, at most ``MOST_BODY``

A child runs code of others, so what comes from it is checked here for its form, and by whoever
reads it for its meaning. Nothing is ever unpickled.
"""

from __future__ import annotations

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


def packed(frame: Frame) -> bytes:
    """Return a message's bytes; raises FrameError where it is larger than it may be."""
    head = json_text(frame.head).encode()
    if len(head) > MOST_HEAD or len(frame.body) > MOST_BODY:
        raise FrameError(f"{len(head)} and {len(frame.body)} bytes are too many")
    return b"".join((_LENGTHS.pack(len(head), len(frame.body)), head, frame.body))


class Frames:
    """Puts messages together from the pieces that a socket gives."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def take(self, data: bytes) -> Iterator[Frame]:
        """Yield the messages that are whole now; raises FrameError for what is none."""
        self._waiting += data
        while len(self._waiting) >= _LENGTHS.size:
            head, body = _LENGTHS.unpack_from(self._waiting)
            if head > MOST_HEAD or body > MOST_BODY:
                raise FrameError(f"a message of {head} and {body} bytes")
            start = _LENGTHS.size + head
            end = start + body
            if len(self._waiting) < end:
                return
            said = _object(bytes(self._waiting[_LENGTHS.size : start]))
            held = bytes(self._waiting[start:end])
            del self._waiting[:end]
            yield Frame(said, held)


def _object(data: bytes) -> dict[str, Any]:
    try:
        said = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FrameError("a head that is not JSON") from error
    if not isinstance(said, dict):
        raise FrameError("a head that is no object")
    return said
