"""An API key: what it is called, what is kept of it, and what it grants. No I/O.

A key is ``rf_KEYID_SECRET``. The part before the secret is its prefix, which may be shown; of the
secret, 256 random bits, only a keyed hash is kept. Whoever reads the table has neither keys nor
anything to guess them by.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

PREFIX = "rf_"
LEAST_HASH_KEY_BYTES = 32
ANY_SCOPE = "*"
"""Grants whatever the gateway asks for; of the scopes that runs have, it grants none."""

_KEY = re.compile(r"rf_([a-z2-7]{12})_([A-Za-z0-9_-]{43})")
_SECRET_BYTES = 32
_ID_BYTES = 8


class Presented(NamedTuple):
    """A key as a client presents it."""

    key_id: str
    secret: str

    def __str__(self) -> str:
        return f"{PREFIX}{self.key_id}_{self.secret}"

    def __repr__(self) -> str:
        return f"Presented({self.key_id})"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of a key, but for its hash.

    ``name`` is for people. ``scopes`` are those of the gateway and those that its runs may have.
    ``rotated_to`` is the key that came in its place. ``last_used_at`` and ``last_refused_at``, when
    it was presented and let nobody in, are exact to a minute.
    """

    key_id: str
    name: str
    tenant_id: str
    user_id: str
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    rotated_to: str | None = None
    last_used_at: datetime | None = None
    last_refused_at: datetime | None = None

    def problem(self, now: datetime) -> str:
        """Return why it lets nobody in, empty where it does."""
        if self.revoked_at is not None and self.revoked_at <= now:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return ""


def new_key() -> Presented:
    """Return a key that nobody has."""
    key_id = base64.b32encode(os.urandom(_ID_BYTES)).decode().lower()[:12]
    secret = base64.urlsafe_b64encode(os.urandom(_SECRET_BYTES)).decode().rstrip("=")
    return Presented(key_id, secret)


def presented(text: str) -> Presented | None:
    """Return a key as it was presented, None for what has not its form."""
    found = _KEY.fullmatch(text)
    return Presented(found[1], found[2]) if found else None


def digest_of(key: Presented, hash_key: bytes) -> bytes:
    """Return the keyed hash of a key's secret."""
    return hashlib.blake2b(
        key.secret.encode(), digest_size=32, key=hash_key[:64], person=b"runfold-api-key"
    ).digest()


def fits(key: Presented, hash_key: bytes, digest: bytes) -> bool:
    """Whether a hash is that of a presented key."""
    return hmac.compare_digest(digest_of(key, hash_key), digest)
