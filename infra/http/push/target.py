"""What a browser says of itself when it subscribes, checked: all of it is a stranger's word."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from runfold.infra.http.push.encryption import point_of
from runfold.infra.http.push.vapid import unpadded
from runfold.infra.http.rules import OutgoingRules, RefusedTargetError

_AUTH = 16


class WrongTargetError(Exception):
    """A browser that cannot be told anything; ``pointer`` says what of its words is wrong."""

    def __init__(self, pointer: str, sentence: str) -> None:
        super().__init__(sentence)
        self.pointer = pointer


@dataclass(frozen=True, slots=True)
class Target:
    """Where a browser is told, and how messages are encrypted for it.

    ``endpoint`` lets whoever has it send: it is kept like a secret, and never shown or logged.
    """

    endpoint: str = field(repr=False)
    p256dh: bytes = field(repr=False)
    auth: bytes = field(repr=False)

    @classmethod
    def checked(cls, endpoint: str, p256dh: str, auth: str, rules: OutgoingRules) -> Self:
        """Return what a browser said; raises WrongTargetError."""
        try:
            rules.check(endpoint)
        except RefusedTargetError as error:
            raise WrongTargetError(
                "/endpoint", f"No push may go to the endpoint: {error}."
            ) from error
        return cls(endpoint, _point(p256dh), _secret(auth))

    @property
    def id(self) -> str:
        """A name for the browser that does not tell its endpoint."""
        return hashlib.blake2b(self.endpoint.encode(), digest_size=16).hexdigest()

    @property
    def service(self) -> str:
        """The host of the push service."""
        return urlsplit(self.endpoint).hostname or ""


def _point(text: str) -> bytes:
    try:
        raw = unpadded(text)
        point_of(raw)
    except ValueError as error:
        raise WrongTargetError(
            "/keys/p256dh", "p256dh must be a point of P-256, uncompressed, in base64url."
        ) from error
    return raw


def _secret(text: str) -> bytes:
    try:
        raw = unpadded(text)
    except ValueError:
        raw = b""
    if len(raw) != _AUTH:
        raise WrongTargetError("/keys/auth", f"auth must be {_AUTH} bytes in base64url.")
    return raw
