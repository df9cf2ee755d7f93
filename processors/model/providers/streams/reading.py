"""Reading a provider's answer: whole or as a stream, told apart by what it looks like.

Servers mislabel both, send a stream that nobody asked for, and put a byte order mark or blank lines
to keep the connection alive before either.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

from runfold.processors.model.providers.streams.events import events
from runfold.processors.model.providers.wire import Assembly

_EVENT_STREAM = "text/event-stream"
_MARKS = (b"data:", b"event:", b"id:", b"retry:", b":")
_WHOLE = b'{["<'
_BLANK = b" \t\r\n"


class Answered(NamedTuple):
    """What was read: the bytes of a whole answer, or when a stream's first token came."""

    data: bytes
    streamed: bool = False
    first_token_at: float | None = None


async def read(
    chunks: AsyncIterator[bytes], kind: str, assembly: Assembly, clock: Callable[[], float]
) -> Answered:
    """Read a body to its end; a stream goes into ``assembly``. ``kind`` is its content type."""
    head = bytearray()
    streamed: bool | None = None
    async for chunk in chunks:
        head += chunk
        # Blank lines may come for minutes: they are dropped, not gathered.
        del head[: len(head) - len(head.lstrip(_BLANK))]
        streamed = _is_stream(head, kind)
        if streamed is not None:
            break
    if not streamed:
        async for chunk in chunks:
            head += chunk
        return Answered(bytes(head))
    first = None
    async for event in events(_chained(bytes(head), chunks)):
        if assembly.take(event) and first is None:
            first = clock()
    return Answered(b"", streamed=True, first_token_at=first)


def decoded(data: bytes) -> Any:
    """Return the JSON value that bytes hold, None where they hold none.

    Takes UTF-8, UTF-16 and UTF-32, with or without a byte order mark; bytes that are no text are
    replaced.
    """
    encoding = json.detect_encoding(data)
    try:
        said = data.decode(encoding, "surrogatepass")
    except UnicodeDecodeError:
        said = data.decode(encoding, "replace")
    try:
        return json.loads(said)
    except (ValueError, RecursionError):
        return None


def _is_stream(head: bytearray, kind: str) -> bool | None:
    """Return whether a body that begins so is a stream; None where that cannot be said yet."""
    begun = bytes(head[:16])
    if codecs.BOM_UTF8.startswith(begun[:3]):
        begun = begun[3:].lstrip(_BLANK)
    if not begun:
        return None
    if begun[:1] in _WHOLE:
        return False
    if kind.lower().startswith(_EVENT_STREAM) or begun.startswith(_MARKS):
        return True
    return None if any(mark.startswith(begun) for mark in _MARKS) else False


async def _chained(head: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for chunk in chunks:
        yield chunk
