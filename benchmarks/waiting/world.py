"""The agents of the measurement, and the provider that one of them asks."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_AGENT = """
apiVersion: ossa/v0.4
kind: Agent
metadata: {{name: {name}, version: "1.0.0"}}
spec:
  role: Do it.
  llm: {{provider: {provider}, model: {model}}}
  tools: {tools}
---
"""
_SCRIPT = """
apiVersion: runfold/v1
kind: ModelScript
metadata: {{name: {name}, version: "1.0.0"}}
spec:
  turns:
    - calls: [{{name: wait.{name}, arguments: {{what: "{{{{ goal }}}}"}}}}]
    - calls: [{{name: complete_task, arguments: {{summary: done}}}}]
---
apiVersion: runfold/v1
kind: Tool
metadata: {{name: wait.{name}, version: "1.0.0"}}
spec: {{use: "python:benchmarks.waiting.tools:{name}"}}
---
"""


def manifest() -> str:
    """Return the agents: ``quick``, ``slow`` and ``pay`` by script, ``asker`` by a provider."""
    scripted = "".join(
        _AGENT.format(
            name=name,
            provider="scripted",
            model=name,
            tools=f"[{{type: function, name: wait.{name}}}]",
        )
        + _SCRIPT.format(name=name)
        for name in ("quick", "slow", "pay")
    )
    return scripted + _AGENT.format(name="asker", provider="openai", model="gpt-4o", tools="[]")


class Provider(ThreadingHTTPServer):
    """Ends every task at once; while ``away`` it refuses with 503."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.away = False
        self.asked = self.refused = 0

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Provider

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        away = self.server.away
        self.server.asked += not away
        self.server.refused += away
        body = json.dumps({"error": {"message": "overloaded"}} if away else _DONE).encode()
        self.send_response(503 if away else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


_CALL = {
    "id": "call-1",
    "type": "function",
    "function": {"name": "complete_task", "arguments": '{"summary": "done"}'},
}
_DONE = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": None, "tool_calls": [_CALL]},
            "finish_reason": "tool_calls",
        }
    ],
    "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
}


@contextmanager
def provider() -> Iterator[Provider]:
    """Run a provider while the block lasts."""
    server = Provider()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
