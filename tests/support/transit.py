"""A server that speaks Vault's transit engine, as far as wrapping, rotating and deleting goes."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

Answer = tuple[int, dict[str, Any]]


@dataclass
class TransitDouble:
    """``keys`` are versions by name; the rest makes it fail.

    ``denied`` lists beginnings of what the token may not do (``DELETE``, ``POST encrypt``),
    ``status`` is what it says to everything, ``slow_s`` how long each answer takes.
    """

    address: str = ""
    keys: dict[str, dict[int, dict[str, str]]] = field(default_factory=dict)
    deletable: set[str] = field(default_factory=set)
    denied: tuple[str, ...] = ()
    status: int = 0
    slow_s: float = 0.0
    asked: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, token: str | None, body: dict[str, Any]) -> Answer:
        """Return status and body, as Vault gives them."""
        inside = path.removeprefix("/v1/transit/")
        said = f"{method} {inside}"
        self.asked.append(said)
        time.sleep(self.slow_s)
        if self.status:
            return self.status, {"errors": ["Vault is sealed"]}
        if inside == path or token != "hvs.token":
            return (404 if inside == path else 403), {"errors": ["no handler for route"]}
        if said.startswith(self.denied):
            return 403, {"errors": ["permission denied"]}
        what, _, rest = inside.partition("/")
        name, _, action = rest.partition("/")
        if what == "keys":
            return self._key(method, name, action)
        if name not in self.keys:
            return 400, {"errors": ["encryption key not found"]}
        return self._encrypt(name, body) if what == "encrypt" else self._decrypt(name, body)

    def _key(self, method: str, name: str, action: str) -> Answer:
        if method == "POST" and not action:
            self.keys.setdefault(name, {1: {}})
            return 204, {}
        if name not in self.keys:
            return 400, {"errors": [f"could not delete key; not found: {name}"]}
        if action == "config":
            self.deletable.add(name)
        elif action == "rotate":
            self.keys[name][max(self.keys[name]) + 1] = {}
        elif name in self.deletable:
            del self.keys[name]
        else:
            return 400, {"errors": ["deletion is not allowed for this key"]}
        return 204, {}

    def _encrypt(self, name: str, body: dict[str, Any]) -> Answer:
        newest, token = max(self.keys[name]), secrets.token_hex(8)
        self.keys[name][newest][token] = body["plaintext"]
        return 200, {"data": {"ciphertext": f"vault:v{newest}:{token}"}}

    def _decrypt(self, name: str, body: dict[str, Any]) -> Answer:
        _, version, token = body["ciphertext"].split(":")
        found = self.keys[name].get(int(version[1:]), {}).get(token)
        if found is None:
            return 400, {"errors": ["cipher: message authentication failed"]}
        assert base64.b64decode(found)
        return 200, {"data": {"plaintext": found}}


@contextmanager
def transit_double() -> Iterator[TransitDouble]:
    """Run the server on a free port of this machine within the block."""
    transit = TransitDouble()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._say("POST")

        def do_DELETE(self) -> None:
            self._say("DELETE")

        def _say(self, method: str) -> None:
            size = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(size) or b"{}")
            token = self.headers.get("x-vault-token")
            status, said = transit.answer(method, unquote(self.path), token, body)
            data = b"" if status == 204 else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    transit.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield transit
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
