"""Tenants' keys in memory."""

from __future__ import annotations

import secrets

from runfold.events.errors import KeysUnavailableError
from runfold.infra.keys.data_key import KEY_BYTES, aes_gcm
from runfold.infra.keys.port import KeyLostError

_NONCE_BYTES = 12


class MemoryKeys:
    """Keys that live as long as this object; with ``away`` it does not answer, and says so."""

    def __init__(self) -> None:
        self._keys: dict[str, list[bytes]] = {}
        self.away = False
        self.asked = 0

    def wrap(self, name: str, data_key: bytes) -> bytes:
        """Wrap by the newest version."""
        self._need()
        versions = self._keys.setdefault(name, [])
        if not versions:
            versions.append(secrets.token_bytes(KEY_BYTES))
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed: bytes = aes_gcm(versions[-1]).encrypt(nonce, data_key, name.encode())
        return bytes([len(versions) - 1]) + nonce + sealed

    def unwrap(self, name: str, wrapped: bytes) -> bytes:
        """Unwrap by the version that wrapped."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415

        self._need()
        self.asked += 1
        versions, version = self._keys.get(name, []), wrapped[0]
        if version >= len(versions):
            raise KeyLostError(f"there is no key {name}")
        begins = 1 + _NONCE_BYTES
        try:
            opened: bytes = aes_gcm(versions[version]).decrypt(
                wrapped[1:begins], wrapped[begins:], name.encode()
            )
        except (InvalidTag, ValueError):
            raise KeyLostError(f"the key {name} is another") from None
        return opened

    def rotate(self, name: str) -> None:
        """Add a version."""
        self._need()
        if name not in self._keys:
            raise KeyLostError(f"there is no key {name}")
        self._keys[name].append(secrets.token_bytes(KEY_BYTES))

    def destroy(self, name: str) -> None:
        """Forget every version."""
        self._need()
        self._keys.pop(name, None)

    def _need(self) -> None:
        if self.away:
            raise KeysUnavailableError("the key service does not answer")
