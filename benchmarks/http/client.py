"""``python -m benchmarks.http.client``: a client that costs little, in a process of its own.

It sends one request again and again over so many connections, or opens so many streams and notes
how old each event is when it arrives. It prints one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import uvloop

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_TIME = re.compile(rb'"time":"([^"]+)"')
_READY = "ready"


def request(method: str, path: str, key: str, body: str = "", *more: str) -> bytes:
    """Return the bytes of a request."""
    head = [
        f"{method} {path} HTTP/1.1",
        "host: x",
        f"authorization: Bearer {key}",
        *more,
        *([f"content-length: {len(body)}", "content-type: application/json"] if body else []),
    ]
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


def answer_in(got: bytes) -> bytes | None:
    """Return the body of an answer, None while it is not whole."""
    head, whole, rest = got.partition(b"\r\n\r\n")
    found = _LENGTH.search(head) if whole else None
    return None if found is None or len(rest) < int(found[1]) else rest


class Asking(asyncio.Protocol):
    """One connection that asks again as soon as it is answered."""

    def __init__(self, said: bytes, until: float, took: list[float], done: asyncio.Event) -> None:
        self._said, self._until, self._took, self._done = said, until, took, done
        self._got = b""
        self.failed = b""

    def connection_made(self, transport: Any) -> None:
        """Ask for the first time."""
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._began = time.perf_counter()
        self._transport.write(self._said)

    def data_received(self, data: bytes) -> None:
        """Take an answer, and ask again."""
        self._got += data
        if answer_in(self._got) is None:
            return
        got, self._got = self._got, b""
        if not got.startswith(b"HTTP/1.1 20"):
            self.failed = got
            self._transport.close()
            return
        now = time.perf_counter()
        self._took.append(now - self._began)
        if now < self._until:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        """Be done."""
        self._done.set()


async def ask(host: str, port: int, said: bytes, connections: int, seconds: float) -> Any:
    """Ask for some seconds; return how long answers took, in milliseconds."""
    loop, took = asyncio.get_running_loop(), list[float]()
    began = time.perf_counter()
    made: list[tuple[Asking, asyncio.Event]] = []
    for _ in range(connections):
        done = asyncio.Event()
        one = Asking(said, began + seconds, took, done)
        await loop.create_connection(lambda one=one: one, host, port)  # type: ignore[misc]
        made.append((one, done))
    for one, done in made:
        await done.wait()
        if one.failed:
            sys.exit(one.failed[:1000].decode("utf-8", "replace"))
    return {"took_ms": [each * 1000 for each in took], "seconds": time.perf_counter() - began}


class Listening(asyncio.Protocol):
    """One stream: notes how old its events are."""

    def __init__(self, said: bytes, ages: list[float]) -> None:
        self._said, self._ages = said, ages
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        """Ask for the stream."""
        transport.write(self._said)

    def data_received(self, data: bytes) -> None:
        """Note what comes."""
        now = time.time()
        if not self.answered.done():
            self.answered.set_result(None)
            if not data.startswith(b"HTTP/1.1 200"):
                sys.exit(data[:1000].decode("utf-8", "replace"))
        for found in _TIME.finditer(data):
            self._ages.append(now - datetime.fromisoformat(found[1].decode()).timestamp())


async def listen(host: str, port: int, said: Sequence[bytes], until: asyncio.Event) -> Any:
    """Open a stream for each request, say so, and listen until told to end."""
    loop, ages = asyncio.get_running_loop(), list[float]()
    for at in range(0, len(said), 100):
        made = []
        for each in said[at : at + 100]:
            one = Listening(each, ages)
            await loop.create_connection(lambda one=one: one, host, port)  # type: ignore[misc]
            made.append(one.answered)
        await asyncio.gather(*made)
    ages.clear()
    print(_READY, flush=True)
    await until.wait()
    return {"ages_ms": [each * 1000 for each in ages]}


async def _listening(given: argparse.Namespace) -> Any:
    until = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.run_in_executor(None, lambda: (sys.stdin.read(), loop.call_soon_threadsafe(until.set)))
    stream = "accept: text/event-stream"
    said = [request("GET", path, given.key, "", stream) for path in given.path]
    return await listen(given.host, given.port, said * given.connections, until)


def main() -> None:
    """Do what the words say."""
    words = argparse.ArgumentParser()
    words.add_argument("what", choices=["ask", "offer", "listen"])
    words.add_argument("--host", default="127.0.0.1")
    words.add_argument("--port", type=int, required=True)
    words.add_argument("--key", required=True)
    words.add_argument("--method", default="GET")
    words.add_argument("--path", action="append", required=True)
    words.add_argument("--body", default="")
    words.add_argument("--connections", type=int, default=1)
    words.add_argument("--seconds", type=float, default=5)
    words.add_argument("--rate", type=float, default=600)
    given = words.parse_args()
    said = request(given.method, given.path[0], given.key, given.body)
    if given.what == "listen":
        found = uvloop.run(_listening(given))
    elif given.what == "offer":
        from benchmarks.http.offering import Offer  # noqa: PLC0415 - it stands on this module

        offer = Offer(said, given.rate)
        found = uvloop.run(offer.run(given.host, given.port, given.connections, given.seconds))
    else:
        found = uvloop.run(ask(given.host, given.port, said, given.connections, given.seconds))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
