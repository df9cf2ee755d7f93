"""A message encrypted for one browser: ``aes128gcm`` by RFC 8188 and RFC 8291, in one record."""

from __future__ import annotations

import os
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MOST_BODY: Final = 4_096
"""Every push service takes so many bytes (RFC 8030, 7.2)."""

_RECORD = 4_096
_POINT = 65
_LAST = b"\x02"
_ADDED = 16 + 4 + 1 + _POINT + len(_LAST) + 16

MOST_TEXT: Final = MOST_BODY - _ADDED
"""How long a message may be before it is encrypted, in bytes."""

_CURVE = ec.SECP256R1()


def point_of(raw: bytes) -> ec.EllipticCurvePublicKey:
    """Return an uncompressed point of P-256 as a key; raises ValueError where it is none."""
    if len(raw) != _POINT:
        raise ValueError(len(raw))
    return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, raw)


def raw_of(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return a public key as an uncompressed point, 65 bytes."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def encrypted(
    text: bytes,
    browser: bytes,
    auth: bytes,
    *,
    own: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """Return the body of a push message: a header of 86 bytes, and one record.

    ``browser`` is the browser's ``p256dh`` (65 bytes), ``auth`` its secret (16 bytes). ``own`` and
    ``salt`` are new for each message; they are given by tests alone. Raises ValueError for a text
    beyond ``MOST_TEXT`` bytes, or a key that is no point of the curve.
    """
    if len(text) > MOST_TEXT:
        raise ValueError(f"{len(text)} bytes are more than {MOST_TEXT}")
    own = own or ec.generate_private_key(_CURVE)
    salt = salt or os.urandom(16)
    sender = raw_of(own.public_key())
    shared = own.exchange(ec.ECDH(), point_of(browser))
    secret = _derived(shared, auth, b"WebPush: info\0" + browser + sender, 32)
    key = _derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + _RECORD.to_bytes(4, "big") + bytes([_POINT]) + sender
    return header + AESGCM(key).encrypt(nonce, text + _LAST, None)


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)
