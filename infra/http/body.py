"""The body of an answer as it is on the wire: bounded, and never inflated.

A few hundred bytes of nested gzip inflate to gigabytes before anybody could count them. So we ask
for the body as it is (``IDENTITY``), and refuse one that comes in another encoding all the same.
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator
from typing import Final

import httpx

IDENTITY: Final = {"accept-encoding": "identity"}
"""The header that asks for a body without an encoding."""

_LONGEST_NAME = 40


class BodyRefusedError(Exception):
    """A body that is not read; the text says why, as the end of a sentence."""


async def pieces(response: httpx.Response, most: int) -> AsyncIterator[bytes]:
    """Yield a body's bytes as they come; BodyRefusedError for an encoded or too large one.

    Errors of the connection are those of httpx.
    """
    _refuse_encoded(response)
    size = 0
    async for piece in response.aiter_raw():
        size += len(piece)
        if size > most:
            raise BodyRefusedError(f"with more than {most} bytes")
        yield piece


def whole(response: httpx.Response, most: int, until: float = math.inf) -> bytes:
    """Return the body of a streamed answer, where ``pieces`` would yield it.

    ``until`` is the latest moment, on the monotonic clock, at which it is still read: a server that
    sends a byte at a time never meets a time-out between two of them.
    """
    _refuse_encoded(response)
    found = bytearray()
    for piece in response.iter_raw():
        found += piece
        if len(found) > most:
            raise BodyRefusedError(f"with more than {most} bytes")
        if time.monotonic() > until:
            raise BodyRefusedError("that did not come to its end in time")
    return bytes(found)


def _refuse_encoded(response: httpx.Response) -> None:
    if encoding := encoding_of(response.headers):
        raise BodyRefusedError(
            f"in the encoding {encoding}, though it was asked for without any: "
            "a proxy on the way compresses answers, and must be told not to"
        )


def encoding_of(headers: httpx.Headers) -> str | None:
    """Return how a body is encoded, as ASCII of bounded length; None where it is as it is."""
    named = [part.strip() for part in headers.get("content-encoding", "").lower().split(",")]
    foreign = [part for part in named if part not in {"", "identity"}]
    return ascii(", ".join(foreign)[:_LONGEST_NAME]) if foreign else None
