"""A server that speaks OPA's REST API as far as ``POST /v1/data/<path>`` goes, with its errors."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Rule = Callable[[Any], Any]


@dataclass
class OpaDouble:
    """``rules`` answer by path; ``raw`` replaces what is said: status, headers, body.

    ``asked`` lists the path, the input and the authorization of all requests. ``slow_s`` is waited
    before each part of an answer.
    """

    address: str = ""
    rules: dict[str, Rule] = field(default_factory=dict)
    raw: tuple[int, dict[str, str], bytes] | None = None
    slow_s: float = 0.0
    asked: list[tuple[str, Any, str | None]] = field(default_factory=list)

    def answer(self, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body, as OPA gives them: no result where no rule is."""
        if self.raw is not None:
            return self.raw
        said: dict[str, Any] = {"decision_id": f"d-{len(self.asked)}"}
        said["provenance"] = {"version": "1.0", "bundles": {"main": {"revision": "r7"}}}
        if path in self.rules:
            said["result"] = self.rules[path](json.loads(body)["input"])
        return 200, {"content-type": "application/json"}, json.dumps(said).encode()


@contextmanager
def opa_double() -> Iterator[OpaDouble]:
    """Run the server on a free port of this machine within the block."""
    opa = OpaDouble()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            path = self.path.partition("?")[0].removeprefix("/v1/data/")
            opa.asked.append((path, json.loads(body)["input"], self.headers.get("authorization")))
            status, headers, said = opa.answer(path, body)
            time.sleep(opa.slow_s)
            try:
                self.send_response(status)
                for name, value in {"content-length": str(len(said)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                for at in range(0, len(said), 1 if opa.slow_s else 65_536):
                    self.wfile.write(said[at : at + (1 if opa.slow_s else 65_536)])
                    time.sleep(opa.slow_s)
            except OSError:
                # Whoever asked has given up.
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    opa.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield opa
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
