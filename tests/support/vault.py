"""A server that speaks Vault's KV engine, version 2, as far as reading goes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


@dataclass
class VaultDouble:
    """``entries`` are fields by path; ``tokens`` are let in; ``answers`` replace what is said.

    ``asked`` lists the paths and the namespaces of all requests.
    """

    address: str = ""
    entries: dict[str, dict[str, object]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=lambda: {"hvs.token"})
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def answer(self, path: str, token: str | None) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body, as Vault gives them."""
        if self.answers:
            return self.answers.pop(0)
        if token not in self.tokens:
            return 403, {}, json.dumps({"errors": ["permission denied"]}).encode()
        found = self.entries.get(path.removeprefix("/v1/"))
        if found is None:
            return 404, {}, json.dumps({"errors": []}).encode()
        metadata = {"version": 1, "deletion_time": "", "destroyed": False}
        return 200, {}, json.dumps({"data": {"data": found, "metadata": metadata}}).encode()


@contextmanager
def vault_double() -> Iterator[VaultDouble]:
    """Run the server on a free port of this machine within the block."""
    vault = VaultDouble()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            vault.asked.append((unquote(self.path), self.headers.get("x-vault-namespace")))
            status, headers, body = vault.answer(
                unquote(self.path), self.headers.get("x-vault-token")
            )
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    vault.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield vault
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
