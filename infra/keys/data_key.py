"""A tenant's data key: AES-256-GCM whose nonce follows from key, place and data.

Every process must write the same bytes for the same fact, so there is no chance in it. The nonce is
the beginning of an HMAC over place and data (a synthetic nonce): two values share one only where
they are the same value in the same place, or by an accident of 96 bits.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Any

from runfold.events.sealing.form import KEY_ID_BYTES, NONCE_BYTES
from runfold.infra.settings.errors import ConfigError

KEY_BYTES = 32


def aes_gcm(key: bytes) -> Any:
    """Return the cipher; raises ConfigError where the package that has it is not installed."""
    try:
        # Here, so that a deployment that seals nothing does not need it.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(
            "sealing needs the package cryptography: pip install 'runfold[sealing]'"
        ) from error
    return AESGCM(key)


def new_key() -> tuple[bytes, bytes]:
    """Return a new id and a new key."""
    return secrets.token_bytes(KEY_ID_BYTES), secrets.token_bytes(KEY_BYTES)


class AesDataKey:
    """A data key, unwrapped; it never shows itself."""

    __slots__ = ("_cipher", "_nonce_key", "data_class", "id", "tenant")

    def __init__(self, key_id: bytes, tenant: str, key: bytes, data_class: str = "") -> None:
        self.id, self.tenant, self.data_class = key_id, tenant, data_class
        self._cipher = aes_gcm(key)
        self._nonce_key = hmac.digest(key, b"runfold nonce", "sha256")

    def seal(self, place: bytes, data: bytes) -> bytes:
        """Return ``key id | nonce | ciphertext | tag``."""
        named = len(place).to_bytes(4, "big") + place
        nonce = hmac.digest(self._nonce_key, named + data, "sha256")[:NONCE_BYTES]
        sealed: bytes = self._cipher.encrypt(nonce, data, place)
        return self.id + nonce + sealed

    def open(self, place: bytes, blob: bytes) -> bytes | None:
        """Return the data; None where it was not sealed by this key for this place."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415

        begins = KEY_ID_BYTES + NONCE_BYTES
        try:
            opened: bytes = self._cipher.decrypt(blob[KEY_ID_BYTES:begins], blob[begins:], place)
        except InvalidTag:
            return None
        return opened

    def __repr__(self) -> str:
        """Return whose it is."""
        return f"AesDataKey({self.tenant!r})"
