"""Keys in a Vault (or OpenBao): its transit engine, or what speaks the same API.

Each is a transit key of its own, ``runfold-<name>``, which never leaves the server.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Any, NoReturn

from runfold.events.errors import KeysUnavailableError
from runfold.infra.keys.port import KeyLostError, KeyStoreDeniedError
from runfold.infra.secrets.names import is_plain
from runfold.infra.secrets.port import SecretsUnavailableError
from runfold.infra.secrets.vault_http import WHOLE_S, VaultAwayError, VaultHttp, VaultPlace

_OK = (200, 204)
_BAD, _DENIED, _ABSENT = 400, 403, 404
_LOST = ("not found", "authentication failed", "invalid ciphertext")
"""What Vault says of a key that is not there, or is another than sealed."""


class TransitKeys:
    """Keys that ``mount`` holds: it wraps and unwraps, and destroys where its policy permits it."""

    def __init__(self, place: VaultPlace, mount: str, whole_s: float = WHOLE_S) -> None:
        self._http = VaultHttp(place, whole_s)
        self._mount = mount

    def wrap(self, name: str, data_key: bytes) -> bytes:
        """Wrap by the newest version; the key is made where there is none."""
        called = key_of(name)
        status, body = self._ask("POST", f"keys/{called}", name, {"type": "aes256-gcm96"})
        if status not in _OK:
            self._refused(status, body, name)
        plain = base64.b64encode(data_key).decode()
        found = self._answer("POST", f"encrypt/{called}", name, {"plaintext": plain})
        return _text(found, "ciphertext", name).encode()

    def unwrap(self, name: str, wrapped: bytes) -> bytes:
        """Unwrap by whatever version wrapped."""
        asked = {"ciphertext": wrapped.decode("utf-8", "replace")}
        found = self._answer("POST", f"decrypt/{key_of(name)}", name, asked)
        try:
            return base64.b64decode(_text(found, "plaintext", name), validate=True)
        except binascii.Error:
            raise _unusable(name) from None

    def rotate(self, name: str) -> None:
        """Begin a new version."""
        status, body = self._ask("POST", f"keys/{key_of(name)}/rotate", name, {})
        if status not in _OK:
            self._refused(status, body, name)

    def destroy(self, name: str) -> None:
        """Permit the deletion of the key, and delete it."""
        called = key_of(name)
        steps: tuple[tuple[str, str, object], ...] = (
            ("POST", f"keys/{called}/config", {"deletion_allowed": True}),
            ("DELETE", f"keys/{called}", None),
        )
        for method, path, asked in steps:
            status, body = self._ask(method, path, name, asked)
            if status == _ABSENT or (status == _BAD and _says(body, ("not found", "no existing"))):
                return
            if status == _DENIED:
                raise KeyStoreDeniedError(
                    f"Vault does not let this token destroy {self._mount}/keys/{called}: have "
                    "somebody delete that key who may, and run this again."
                )
            if status not in _OK:
                self._refused(status, body, name)

    def _answer(self, method: str, path: str, name: str, asked: object) -> Any:
        status, body = self._ask(method, path, name, asked)
        if status != 200:
            self._refused(status, body, name)
        try:
            return json.loads(body)["data"]
        except (ValueError, LookupError, TypeError, RecursionError):
            # Not chained: the answer holds a key.
            raise _unusable(name) from None

    def _ask(self, method: str, path: str, name: str, asked: object) -> tuple[int, bytes]:
        try:
            return self._http.ask(method, f"{self._mount}/{path}", asked)
        except (VaultAwayError, SecretsUnavailableError) as error:
            said = f"Vault {error}" if isinstance(error, VaultAwayError) else str(error)
            raise KeysUnavailableError(f"the key {name} cannot be had: {said}") from error

    def _refused(self, status: int, body: bytes, name: str) -> NoReturn:
        if status == _BAD and _says(body, _LOST):
            raise KeyLostError(
                f"Vault has no key {self._mount}/keys/{key_of(name)} that unwraps what it was "
                f"given: restore it from the server's back-up."
            )
        advice = {
            _DENIED: "the token may not use it, or has expired",
            _ABSENT: f"nothing is mounted at {self._mount}: see RUNFOLD_KEYS",
        }.get(status, "it is asked again. Look at the server: it may be sealed or too busy")
        raise KeysUnavailableError(
            f"the key {name} cannot be had: Vault answers {status}; {advice}."
        )


def key_of(name: str) -> str:
    """Return what a key is called in the transit engine."""
    if is_plain(name):
        return f"runfold-{name}"
    return f"runfold.sha256-{hashlib.sha256(name.encode()).hexdigest()}"


def _says(body: bytes, words: tuple[str, ...]) -> bool:
    text = body[:10_000].decode("utf-8", "replace").lower()
    return any(word in text for word in words)


def _text(found: Any, field: str, name: str) -> str:
    value = found.get(field) if isinstance(found, dict) else None
    if not isinstance(value, str):
        raise _unusable(name)
    return value


def _unusable(name: str) -> KeysUnavailableError:
    return KeysUnavailableError(
        f"the key {name} cannot be had: Vault's answer is not that of a transit engine."
    )
