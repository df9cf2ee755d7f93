"""Server-Sent Events out of bytes as they arrive, without I/O and within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runfold.surfaces.application.errors import UnavailableError

_MOST_BYTES = 64_000_000
"""The largest event: the largest record of the log, as JSON."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its id, its type, its data."""

    id: str
    event: str
    data: str


class Parser:
    """Gives the messages that are whole; comments and retry hints are passed over."""

    def __init__(self) -> None:
        self._left = b""
        self._id, self._event = "", ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, piece: bytes) -> Iterator[Message]:
        """Take bytes and yield the messages that end within them; raises UnavailableError."""
        *lines, self._left = (self._left + piece).split(b"\n")
        self._need_bounded(len(self._left))
        for line in lines:
            found = self._line(line.removesuffix(b"\r").decode("utf-8", "replace"))
            if found is not None:
                yield found

    def _line(self, line: str) -> Message | None:
        if not line:
            found = Message(self._id, self._event, "\n".join(self._data)) if self._data else None
            self._event, self._data, self._size = "", [], 0
            return found
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
            self._size += len(value)
            self._need_bounded(self._size)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value
        return None

    def _need_bounded(self, size: int) -> None:
        if size > _MOST_BYTES:
            raise UnavailableError("An event of the stream is larger than any that Runfold writes.")
