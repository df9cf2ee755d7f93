"""Who sends push messages, as RFC 8292 has it: a key pair on P-256, and a token signed by it.

The private key is kept as the libraries of web push write it: 32 bytes in base64url, no padding.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey

from runfold.infra.http.push.encryption import raw_of

_VALID_S: Final = 12 * 3600
"""A push service refuses what is valid for more than a day."""

_USUAL: Final = {"http": 80, "https": 443}


class PushKeyError(Exception):
    """A text that is no private key; the sentence says what one looks like, never what it is."""


@dataclass(frozen=True, slots=True)
class PushKey:
    """A key pair; ``public`` is what a page subscribes with (`applicationServerKey`)."""

    private: ec.EllipticCurvePrivateKey = field(repr=False)
    public: str

    @classmethod
    def new(cls) -> Self:
        """Return a new key pair."""
        return cls._of(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the key pair of a private key; raises PushKeyError where it is none."""
        try:
            raw = unpadded(text.strip())
            if len(raw) == 32:
                return cls._of(ec.derive_private_key(int.from_bytes(raw, "big"), ec.SECP256R1()))
        except ValueError:
            pass
        # Not chained: what is held there may be another secret.
        raise PushKeyError(
            "The private key of web push is 32 bytes in base64url: `runfold push key` makes one."
        )

    @classmethod
    def _of(cls, private: ec.EllipticCurvePrivateKey) -> Self:
        return cls(private, padded_off(raw_of(private.public_key())))

    def secret(self) -> str:
        """Return the private key as it is kept."""
        return padded_off(self.private.private_numbers().private_value.to_bytes(32, "big"))

    def authorization(self, endpoint: str, contact: str, now: float) -> str:
        """Return the header that says who sends to an endpoint, valid for twelve hours.

        ``contact`` is a ``mailto:`` or an ``https:`` address, ``now`` seconds since 1970.
        """
        claims = {
            "aud": _origin(endpoint),
            "exp": int(now) + _VALID_S,
            "sub": contact,
        }
        token = jwt.encode(
            {"typ": "JWT", "alg": "ES256"}, claims, ECKey(self.private, self.private)
        )
        return f"vapid t={token}, k={self.public}"


def _origin(endpoint: str) -> str:
    place = urlsplit(endpoint)
    host = place.hostname or ""
    named = f"[{host}]" if ":" in host else host
    usual = place.port in {None, _USUAL.get(place.scheme)}
    return f"{place.scheme}://{named}" + ("" if usual else f":{place.port}")


def unpadded(text: str) -> bytes:
    """Return the bytes of base64url, with or without padding; raises ValueError."""
    bare = text.rstrip("=")
    if not bare.isascii() or not bare.replace("-", "").replace("_", "").isalnum():
        raise ValueError("not base64url")
    try:
        return urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error


def padded_off(raw: bytes) -> str:
    """Return bytes in base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
