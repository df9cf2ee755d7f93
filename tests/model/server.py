"""A local HTTP server that behaves like both providers: it plays the answers it was given."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Answer:
    """One answer; ``hang_s`` passes before it and ``drip_s`` between its bytes."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    hang_s: float = 0.0
    drip_s: float = 0.0
    drop: bool = False

    def data(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Asked:
    """One request that came in."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class Provider:
    """Plays ``answers`` in order, the last one again and again, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[Asked] = []
        self.closing = threading.Event()
        self.address = ""

    def will(self, *answers: Answer) -> None:
        self.answers = list(answers)

    def next(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, provider: Provider) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.provider = provider

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError):  # a client that gave up is expected
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        provider = self.server.provider
        size = int(self.headers["content-length"])
        headers = {name.lower(): value for name, value in self.headers.items()}
        provider.asked.append(Asked(self.path, headers, json.loads(self.rfile.read(size))))
        answer = provider.next()
        deadline = time.monotonic() + answer.hang_s
        while time.monotonic() < deadline and not provider.closing.is_set():
            provider.closing.wait(0.02)
        if answer.drop or provider.closing.is_set():
            self.close_connection = True
            return
        data = answer.data()
        try:
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            for piece in (data,) if not answer.drip_s else map(bytes, zip(data, strict=True)):
                self.wfile.write(piece)
                provider.closing.wait(answer.drip_s)
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass


@contextmanager
def provider() -> Iterator[Provider]:
    """Run one such server on a free port while the block lasts."""
    found = Provider()
    server = _Server(found)
    found.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.closing.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


def chat(
    text: str | None = None,
    calls: list[dict[str, Any]] | None = None,
    finish: str = "stop",
    **message: Any,
) -> dict[str, Any]:
    """A chat completion as OpenAI sends it."""
    said = {"role": "assistant", "content": text, "refusal": None, **message}
    if calls is not None:
        said["tool_calls"] = calls
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "gpt-4o",
        "choices": [{"index": 0, "message": said, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": 1000,
            "completion_tokens": 200,
            "total_tokens": 1200,
            "prompt_tokens_details": {"cached_tokens": 400},
            "completion_tokens_details": {"reasoning_tokens": 50},
        },
    }


def chat_call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    """A tool call as OpenAI sends it."""
    return {
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def message(*blocks: dict[str, Any], stop: str = "end_turn") -> dict[str, Any]:
    """A message as Anthropic sends it."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": list(blocks),
        "stop_reason": stop,
        "usage": {
            "input_tokens": 500,
            "cache_read_input_tokens": 400,
            "cache_creation_input_tokens": 100,
            "output_tokens": 200,
        },
    }


def error(kind: str, said: str, code: str | None = None) -> dict[str, Any]:
    """An error body; both providers put type and message into ``error``."""
    return {"type": "error", "error": {"type": kind, "message": said, "code": code}}
