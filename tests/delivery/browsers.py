"""Browsers and their push service, for tests: it decrypts as a browser does, by a foreign library.

The service answers as it is told to; what it takes is decrypted with ``http_ece`` and the browser's
private key, and the sender's token is verified with PyJWT against the key that it was given for.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import http_ece
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.delivery.receiver import Got, Receiver, plain

CURVE = ec.SECP256R1()


def text_of(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class OneBrowser:
    """A browser: its path at the push service, and the keys that only it has."""

    path: str
    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(CURVE)
    )
    auth: bytes = field(default_factory=lambda: os.urandom(16))

    @property
    def p256dh(self) -> bytes:
        public = self.private.public_key()
        return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def subscription(self, service: Receiver) -> dict[str, Any]:
        """What ``PushSubscription.toJSON()`` says."""
        keys = {"p256dh": text_of(self.p256dh), "auth": text_of(self.auth)}
        return {"endpoint": service.url(self.path), "expirationTime": None, "keys": keys}

    def read(self, got: Got) -> dict[str, Any]:
        """Return a card as the browser reads it."""
        assert got.headers["content-encoding"] == "aes128gcm"
        assert len(got.body) <= 4096
        plain_text = http_ece.decrypt(
            got.body, private_key=self.private, auth_secret=self.auth, version="aes128gcm"
        )
        card: dict[str, Any] = json.loads(plain_text)
        return card


def verified(got: Got, public_key: str, service: Receiver) -> dict[str, Any]:
    """Return the sender's token, verified as a push service does."""
    scheme, _, rest = got.headers["authorization"].partition(" ")
    said = dict(part.strip().split("=", 1) for part in rest.split(","))
    assert (scheme, said["k"]) == ("vapid", public_key)
    raw = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, urlsafe_b64decode(said["k"] + "="))
    claims: dict[str, Any] = jwt.decode(
        said["t"], raw, algorithms=["ES256"], audience=service.url("").rstrip("/")
    )
    assert claims["exp"] - time.time() <= 24 * 3600
    return claims


@dataclass
class Service:
    """What a push service writes for each path, by how often it was asked there."""

    answers: dict[str, Callable[[int], bytes]] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)

    async def __call__(self, got: Got, writer: asyncio.StreamWriter) -> None:
        self.asked[got.path] = self.asked.get(got.path, 0) + 1
        answer = self.answers.get(got.path, lambda _: plain(201))
        writer.write(answer(self.asked[got.path]))
