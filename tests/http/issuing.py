"""An issuer of tokens: a server on the loopback that publishes keys, or whatever a test says."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from runfold.infra.credentials.bearer.issuers import Issuer

SigningKey = RSAKey | ECKey | OKPKey
AUDIENCE = "https://runfold.example"
JWKS = "/keys"


def rsa(kid: str = "one") -> RSAKey:
    """A new key for RS256."""
    return RSAKey.generate_key(2048, {"kid": kid})


def ec(kid: str = "one") -> ECKey:
    """A new key for ES256: quick to make."""
    return ECKey.generate_key("P-256", {"kid": kid})


def ed(kid: str = "one") -> OKPKey:
    """A new key for Ed25519."""
    return OKPKey.generate_key("Ed25519", {"kid": kid})


@dataclass
class Issuing:
    """A server that answers what it is told to, by path, and counts who asks."""

    url: str = ""
    answers: dict[str, tuple[int, bytes, Mapping[str, str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    going_on: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.going_on.set()

    def publish(self, *keys: SigningKey | Mapping[str, Any], path: str = JWKS) -> None:
        """Publish these keys, and no others."""
        said = [dict(k) if isinstance(k, Mapping) else public(k) for k in keys]
        self.answer(json.dumps({"keys": said}).encode(), path=path)

    def answer(self, body: bytes, status: int = 200, path: str = JWKS, **headers: str) -> None:
        """Answer this from now on."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers[path] = (status, body, named)

    def described(self, **fields: Any) -> Issuer:
        """The issuer, as a file of issuers would describe it."""
        said = {
            "name": "test",
            "issuer": self.url,
            "audience": [AUDIENCE],
            "tenants": ["acme"],
            "jwks": self.url + JWKS,
            "private_addresses": True,
        }
        return Issuer.model_validate(said | fields)

    def token(self, key: SigningKey | OctKey, alg: str = "ES256", **more: Any) -> str:
        """A token for a tenant's user; ``header`` and claims replace its own, None takes out."""
        header = {"typ": "at+jwt", "alg": alg, "kid": key.kid} | dict(more.pop("header", {}))
        now = int(time.time())
        claims = {
            "iss": self.url, "aud": AUDIENCE, "sub": "ada", "tenant_id": "acme",
            "iat": now, "exp": now + 600, "scope": "runs:read runs:write read:mail",
            "roles": ["clerk"],
        } | more  # fmt: skip
        return signed(
            key,
            {name: value for name, value in header.items() if value is not None},
            {name: value for name, value in claims.items() if value is not None},
        )


def public(key: SigningKey) -> dict[str, Any]:
    """What is published of a key."""
    return {**key.as_dict(private=False), "use": "sig"}


def signed(key: SigningKey | OctKey, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """A token of this header and these claims, whatever they are."""
    registry = jws.JWSRegistry(algorithms=[header["alg"]], strict_check_header=False)
    return jws.serialize_compact(dict(header), json.dumps(claims), key, registry=registry)


def with_header(token: str, header: Mapping[str, Any]) -> str:
    """A token with another header, which nobody signed."""
    head = base64.urlsafe_b64encode(json.dumps(dict(header)).encode()).decode().rstrip("=")
    return head + token[token.index(".") :]


@contextmanager
def issuing() -> Iterator[Issuing]:
    """Have an issuer's server within the block."""
    made = Issuing()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            made.going_on.wait(60)
            status, body, headers = made.answers.get(self.path, (404, b"", {}))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield made
    finally:
        made.going_on.set()
        server.shutdown()
        server.server_close()
        thread.join(20)
