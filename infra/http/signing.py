"""Signatures of the Standard Webhooks specification, version 1: HMAC-SHA256 over id, time, body."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets as chance
from collections.abc import Iterable
from typing import Final

PREFIX: Final = "whsec_"
_LEAST_BYTES = 24
_MOST_BYTES = 64


class SigningSecretError(Exception):
    """A text that is no signing secret; the sentence says what one looks like, never what it is."""


def new_secret() -> str:
    """Return a new signing secret: ``whsec_`` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(chance.token_bytes(32)).decode()


def key_of(secret: str) -> bytes:
    """Return the bytes of a signing secret; raises SigningSecretError where it is none."""
    try:
        key = base64.b64decode(secret.strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not _LEAST_BYTES <= len(key) <= _MOST_BYTES:
        raise SigningSecretError(
            f"A signing secret is `{PREFIX}` and {_LEAST_BYTES} to {_MOST_BYTES} random bytes in "
            "base64: `runfold webhooks secret` makes one."
        )
    return key


def headers(keys: Iterable[bytes], message_id: str, seconds: int, body: bytes) -> dict[str, str]:
    """Return the three headers of a message: a signature for each key, the newest first.

    ``seconds`` is when this attempt is made, since the epoch. The id may hold no full stop, which
    divides what is signed.
    """
    signed = b".".join((message_id.encode(), str(seconds).encode(), body))
    marks = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(f"v1,{mark}" for mark in marks),
    }
