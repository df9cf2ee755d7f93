"""Tenants' keys in a file that only its owner may read: for development and small sites."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runfold.events.errors import KeysUnavailableError
from runfold.infra.keys.data_key import KEY_BYTES, aes_gcm
from runfold.infra.keys.port import KeyLostError

_MOST_BYTES = 100_000_000
_NONCE_BYTES = 12
_VERSION_BYTES = 4
_VERSION = re.compile("[1-9][0-9]{0,8}")

Keys = dict[str, dict[str, str]]
"""By name, by version as text, the key as base64."""


class FileKeys:
    """Tenants' keys in one JSON file of mode 0600, written aside and renamed, read at each use.

    A file that is not there is a file system that is away, not a lost key.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def wrap(self, name: str, data_key: bytes) -> bytes:
        """Wrap by the newest version; the first one is made where there is none."""
        with self._changing() as keys:
            versions = keys.setdefault(name, {})
            if not versions:
                versions["1"] = _made()
            newest = max(map(int, versions))
            key = _key_in(versions[str(newest)])
        if key is None:
            raise KeysUnavailableError(
                f"the key {name} in {self._path} is damaged: restore the file from its back-up."
            )
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed: bytes = aes_gcm(key).encrypt(nonce, data_key, name.encode())
        return newest.to_bytes(_VERSION_BYTES, "big") + nonce + sealed

    def unwrap(self, name: str, wrapped: bytes) -> bytes:
        """Unwrap by the version that wrapped."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415

        version = str(int.from_bytes(wrapped[:_VERSION_BYTES], "big"))
        key = self._read().get(name, {}).get(version)
        if key is None:
            raise KeyLostError(
                f"{self._path} has no version {version} of the key {name}: "
                "restore the file from its back-up."
            )
        begins = _VERSION_BYTES + _NONCE_BYTES
        try:
            opened: bytes = aes_gcm(base64.b64decode(key)).decrypt(
                wrapped[_VERSION_BYTES:begins], wrapped[begins:], name.encode()
            )
        except (InvalidTag, ValueError):
            raise KeyLostError(
                f"the key {name} in {self._path} is another than wrapped its data key: "
                "restore the file from its back-up."
            ) from None
        return opened

    def rotate(self, name: str) -> None:
        """Add a version."""
        with self._changing() as keys:
            versions = keys.get(name)
            if not versions:
                raise KeyLostError(f"{self._path} has no key {name}.")
            versions[str(max(map(int, versions)) + 1)] = _made()

    def destroy(self, name: str) -> None:
        """Remove every version."""
        with self._changing() as keys:
            keys.pop(name, None)

    @contextmanager
    def _changing(self) -> Iterator[Keys]:
        """Yield the keys to change; what is changed is written, by one process at a time."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._away(error) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = self._read() if self._path.exists() else {}
            text = json.dumps(before)
            yield before
            if json.dumps(before) != text:
                self._write(before)
        finally:
            os.close(lock)

    def _read(self) -> Keys:
        try:
            with self._path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                if mode & 0o077:
                    raise KeysUnavailableError(
                        f"{self._path} holds keys and others may read it (mode {mode:o}): "
                        f"chmod 600 {self._path}"
                    )
                found = json.loads(file.read(_MOST_BYTES))
        except OSError as error:
            raise self._away(error) from error
        except (ValueError, RecursionError):
            # Not chained: the text holds keys.
            raise KeysUnavailableError(
                f"{self._path} is not the JSON that holds keys: restore it from its back-up."
            ) from None
        keys = found.get("keys") if isinstance(found, dict) else None
        if not isinstance(keys, dict) or not all(map(_is_versions, keys.values())):
            raise KeysUnavailableError(
                f"{self._path} is not the JSON that holds keys: restore it from its back-up."
            )
        return keys

    def _write(self, keys: Keys) -> None:
        aside = self._path.with_name(f".{self._path.name}.{secrets.token_hex(8)}")
        text = json.dumps({"keys": keys}, indent=1, sort_keys=True).encode()
        try:
            handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise self._away(error) from error
        finally:
            aside.unlink(missing_ok=True)

    def _away(self, error: OSError) -> KeysUnavailableError:
        return KeysUnavailableError(
            f"{self._path} cannot be used ({error.strerror}): see that RUNFOLD_KEYS names the file "
            "with the keys, and that this process may read it."
        )


def _is_versions(value: object) -> bool:
    return isinstance(value, dict) and all(
        _VERSION.fullmatch(number) and isinstance(key, str) for number, key in value.items()
    )


def _key_in(text: str) -> bytes | None:
    """Return the key that a text holds, None where it holds none."""
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return key if len(key) == KEY_BYTES else None


def _made() -> str:
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
