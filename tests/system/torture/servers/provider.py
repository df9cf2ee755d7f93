"""A provider of models that ends every task at once, unless it is away."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.model.server import chat, chat_call

_DONE = chat(
    calls=[chat_call("call-1", "complete_task", '{"summary": "done"}')], finish="tool_calls"
)
_AWAY = {"error": {"message": "overloaded"}}


class Provider(ThreadingHTTPServer):
    """Serves from its own thread until ``close``; while ``away`` it refuses with 503."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.away = False
        self.refused = 0
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def env(self) -> dict[str, str]:
        """What a run processor must be told to ask it."""
        address = f"http://127.0.0.1:{self.server_address[1]}"
        return {"OPENAI_API_KEY": "sk-torture", "OPENAI_BASE_URL": address}

    def close(self) -> None:
        """Serve no more."""
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Provider

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        away = self.server.away
        self.server.refused += away
        body = json.dumps(_AWAY if away else _DONE).encode()
        self.send_response(503 if away else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
