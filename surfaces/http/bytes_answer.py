"""Bytes as an answer: whole or a part of them, in pieces, to a client that reads them in time."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from runfold.surfaces.http.access.limits import Use
from runfold.surfaces.http.refusals.problems import Problem

_log = logging.getLogger("runfold.gateway")

_PIECE = 64 * 1024
_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})", re.IGNORECASE)


class BytesAnswer(Response):
    """An answer of bytes that are held until they are sent; a client that takes none is cut."""

    def __init__(
        self, data: bytes, use: Use, status: int, media_type: str, headers: Mapping[str, str]
    ) -> None:
        use.hold(len(data))
        self._data = data
        self._use = use
        self.media_type = media_type
        self.status_code = status
        self.background = None
        self.init_headers({"content-length": str(len(data)), **headers})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as every answer has it
        """Send the bytes."""
        try:
            start = {"type": "http.response.start", "status": self.status_code}
            await send({**start, "headers": self.raw_headers})
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
                return
            rest = memoryview(self._data)
            while True:
                piece, rest = rest[:_PIECE], rest[_PIECE:]
                async with asyncio.timeout(self._use.limits.idle_s):
                    more = len(rest) > 0
                    await send(
                        {"type": "http.response.body", "body": bytes(piece), "more_body": more}
                    )
                if not more:
                    return
        except TimeoutError:
            # The answer has begun: without its end the server cuts the connection.
            _log.info("an answer was cut: its client read nothing of it")
        finally:
            self._use.release(len(self._data))
            self._data = b""


def bytes_answer(
    request: Request, data: bytes, use: Use, tag: str, headers: Mapping[str, str]
) -> Response:
    """Return bytes, the part of them that a request asks for, or that nothing has changed.

    Of several parts nothing is given but the whole, as RFC 9110 allows. Raises Problem.
    """
    own = {"etag": tag, "accept-ranges": "bytes", **headers}
    if _names(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=own)
    media_type = "application/octet-stream"
    part = _part(request, tag, len(data))
    if part is None:
        return BytesAnswer(data, use, 200, media_type, own)
    begin, end = part
    own["content-range"] = f"bytes {begin}-{end - 1}/{len(data)}"
    return BytesAnswer(data[begin:end], use, 206, media_type, own)


def _names(header: str, tag: str) -> bool:
    known = [each.strip().removeprefix("W/") for each in header.split(",")]
    return tag in known or "*" in known


def _part(request: Request, tag: str, size: int) -> tuple[int, int] | None:
    """Return where the part begins and ends that is asked for; None for all of it."""
    found = _RANGE.fullmatch(request.headers.get("range", "").strip())
    condition = request.headers.get("if-range", "").strip()
    # What is no range, several of them, and one of something else count as not said.
    if found is None or (condition and condition != tag) or not (found[1] or found[2]):
        return None
    first, last = found[1], found[2]
    if not first:
        begin, end = max(0, size - int(last)), size
    else:
        begin, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < int(first):
            return None
    if begin >= end:
        raise Problem(
            "range_not_satisfiable",
            f"The artifact has {size:,} bytes, and none of them is in this range.",
            headers={"content-range": f"bytes */{size}"},
        )
    return begin, end
