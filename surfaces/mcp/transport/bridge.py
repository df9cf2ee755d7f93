"""From standard input and output to a gateway's endpoint: each line is a message, both ways.

It understands no more of messages than where they go, so it needs nothing but HTTP: the gateway is
the server, and knows who asks by the key. A gateway that is away is an error in answer to each
request; the bridge stays, and goes on when it is back.
"""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Any, BinaryIO

import httpx

MOST_LINE = 16_000_000
_VERSION = "io.modelcontextprotocol/protocolVersion"
_NAMES: Mapping[str, str] = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "tasks/get": "taskId",
    "tasks/update": "taskId",
    "tasks/cancel": "taskId",
}
_READ_S = 900.0
_AWAY = -32000
_MALFORMED = -32700

Say = Callable[[str], None]


class Bridge:
    """Carries messages to a gateway with a key, and what it answers to ``say``, one line each."""

    def __init__(self, client: httpx.AsyncClient, url: str, say: Say) -> None:
        self._client = client
        self._url = url
        self._say = say
        self._session: str | None = None
        self._revision: str | None = None
        self._under_way: dict[str, asyncio.Task[None]] = {}

    async def run(self, lines: AsyncIterator[bytes]) -> None:
        """Carry every line until there is none; what is under way then is abandoned."""
        async for line in lines:
            if line.strip():
                await self._take(line)
        for task in self._under_way.values():
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        if self._session is not None:
            with suppress(httpx.HTTPError):
                await self._client.request("DELETE", self._url, headers=self._headers({}))

    async def _take(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            self._refuse(None, _MALFORMED, "The line is not JSON.")
            return
        if not isinstance(message, dict):
            self._refuse(None, _MALFORMED, "The line is no message of JSON-RPC.")
            return
        if "method" not in message or "id" not in message:
            if not self._cancels(message):
                await self._carry(message, line)
            return
        task = asyncio.create_task(self._carry(message, line))
        key = json.dumps(message["id"])
        self._under_way[key] = task
        task.add_done_callback(lambda done: self._forget(key, done))
        if message["method"] == "initialize":
            # What follows it belongs to the session that it begins.
            await asyncio.wait({task})

    def _forget(self, key: str, done: asyncio.Task[None]) -> None:
        if self._under_way.get(key) is done:
            del self._under_way[key]

    def _cancels(self, message: dict[str, Any]) -> bool:
        """Abandon a request that a client cancels and that has no session to say so in."""
        if message.get("method") != "notifications/cancelled" or self._session is not None:
            return False
        params = message.get("params")
        found = params.get("requestId") if isinstance(params, dict) else None
        task = self._under_way.get(json.dumps(found))
        if task is not None:
            task.cancel()
        return True

    async def _carry(self, message: dict[str, Any], line: bytes) -> None:
        wanted = message["id"] if "method" in message and "id" in message else None
        try:
            answered = await self._post(message, line, wanted)
        except httpx.HTTPError as error:
            what = f"The gateway at {self._url} does not answer ({type(error).__name__}): "
            self._refuse(wanted, _AWAY, f"{what}see that it runs, and ask again.")
            return
        if wanted is not None and not answered:
            self._refuse(
                wanted, _AWAY, "The gateway ended before its answer: a run that began goes on."
            )

    async def _post(self, message: dict[str, Any], line: bytes, wanted: Any) -> bool:
        headers = self._headers(message)
        async with self._client.stream("POST", self._url, content=line, headers=headers) as answer:
            if message.get("method") == "initialize" and answer.is_success:
                self._session = answer.headers.get("mcp-session-id")
            if answer.headers.get("content-type", "").startswith("text/event-stream"):
                return await self._stream(answer, message, wanted)
            body = await answer.aread()
            if wanted is None:
                return True
            with suppress(ValueError):
                found = json.loads(body)
                if isinstance(found, dict) and ("result" in found or "error" in found):
                    self._pass_on({**found, "id": wanted}, message)
                    return True
                if isinstance(found, dict) and "detail" in found:
                    self._refuse(wanted, _AWAY, str(found["detail"]))
                    return True
            self._refuse(wanted, _AWAY, f"The gateway answered {answer.status_code}.")
            return True

    async def _stream(self, answer: httpx.Response, message: dict[str, Any], wanted: Any) -> bool:
        """Pass on what a stream brings, up to the answer; return whether that came."""
        data: list[str] = []
        async for line in _lines_in(answer):
            if line.startswith("data:"):
                data.append(line[5:].removeprefix(" "))
            elif not line and data:
                found = json.loads("\n".join(data))
                data = []
                self._pass_on(found, message)
                if found.get("id") == wanted and "method" not in found:
                    return True
        return False

    def _pass_on(self, found: dict[str, Any], message: dict[str, Any]) -> None:
        if message.get("method") == "initialize" and isinstance(found.get("result"), dict):
            self._revision = found["result"].get("protocolVersion")
        self._say(json.dumps(found, separators=(",", ":")))

    def _refuse(self, wanted: Any, code: int, text: str) -> None:
        error = {"code": code, "message": text}
        if wanted is not None or code == _MALFORMED:
            self._say(json.dumps({"jsonrpc": "2.0", "id": wanted, "error": error}))

    def _headers(self, message: dict[str, Any]) -> dict[str, str]:
        """Return the headers that the endpoint goes by, from what the message says."""
        headers = {
            "accept": "application/json, text/event-stream",
            "content-type": "application/json",
        }
        params = message.get("params")
        params = params if isinstance(params, dict) else {}
        meta, method = params.get("_meta"), message.get("method")
        alone = meta.get(_VERSION) if isinstance(meta, dict) else None
        if isinstance(alone, str):
            headers["mcp-protocol-version"] = _safe(alone)
            headers["mcp-method"] = _safe(str(method))
            named = params.get(_NAMES.get(str(method), ""))
            if isinstance(named, str):
                headers["mcp-name"] = _safe(named)
            return headers
        if method != "initialize":
            if self._session is not None:
                headers["mcp-session-id"] = self._session
            if self._revision is not None:
                headers["mcp-protocol-version"] = self._revision
        return headers


async def _lines_in(answer: httpx.Response) -> AsyncIterator[str]:
    """Yield lines as the protocol has them: other marks that end lines elsewhere are text."""
    rest = b""
    async for piece in answer.aiter_bytes():
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r").decode()
        if len(rest) > MOST_LINE:
            raise httpx.DecodingError("a line without end")


def _safe(value: str) -> str:
    """Return a value as a header may hold it: as it is, or in the protocol's base64 form."""
    plain = value.isascii() and value.isprintable() and value == value.strip()
    if plain and not value.startswith("=?base64?"):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="


async def lines_of(stream: BinaryIO) -> AsyncIterator[bytes]:
    """Yield the lines of a stream as they come, read by a thread that nobody waits for."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes] = asyncio.Queue()

    def read() -> None:
        while True:
            line = stream.readline(MOST_LINE)
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(queue.put_nowait, line)
            if not line:
                return

    threading.Thread(target=read, name="stdin", daemon=True).start()
    while line := await queue.get():
        yield line


async def serve(url: str, key: str, stream: BinaryIO, say: Say) -> None:
    """Carry messages between a stream of lines and a gateway until the stream ends."""
    timeout = httpx.Timeout(30.0, read=_READ_S)
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(headers=headers, timeout=timeout, trust_env=False) as client:
        await Bridge(client, url, say).run(lines_of(stream))
