"""Large contents, kept outside the log under the sha256 of their bytes, apart for each tenant.

A ref is ``artifact:<tenant>/<sha256 in hex>``, the tenant percent-encoded. Several machines share
a store by sharing its folder.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from runfold.processors.tool.errors import ArtifactError

_SCHEME = "artifact:"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A stored content: its name, its sha256 and its size in bytes."""

    ref: str
    digest: bytes
    size: int
    media_type: str


class ArtifactStore(Protocol):
    """Keeps bytes for ever; every method is thread-safe and may block."""

    def put(self, data: bytes, media_type: str, tenant_id: str) -> Artifact:
        """Keep bytes durably and return their name; the same bytes have the same name."""
        ...

    def get(self, ref: str, tenant_id: str) -> bytes:
        """Return the bytes of a tenant's artifact; raises ArtifactError if it has no such."""
        ...


def _named(data: bytes, media_type: str, tenant_id: str) -> Artifact:
    digest = hashlib.sha256(data).digest()
    ref = f"{_SCHEME}{quote(tenant_id, safe='')}/{digest.hex()}"
    return Artifact(ref, digest, len(data), media_type)


def _digest_of(ref: str, tenant_id: str) -> str:
    own = f"{_SCHEME}{quote(tenant_id, safe='')}/"
    name = ref.removeprefix(own)
    if not ref.startswith(own) or len(name) != 64 or not set(name) <= set("0123456789abcdef"):
        raise ArtifactError("There is no such artifact for this tenant.")
    return name


class FileArtifacts:
    """Artifacts as files, written aside, synced and renamed, so that none is ever half there."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, data: bytes, media_type: str, tenant_id: str) -> Artifact:
        """Keep bytes durably; raises OSError where the disk does not take them."""
        artifact = _named(data, media_type, tenant_id)
        path = self._path(tenant_id, artifact.digest.hex())
        if path.exists() and path.stat().st_size == len(data):
            return artifact
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            with aside.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
        _sync_folder(path.parent)
        return artifact

    def get(self, ref: str, tenant_id: str) -> bytes:
        """Return the bytes, checked against their name."""
        name = _digest_of(ref, tenant_id)
        try:
            data = self._path(tenant_id, name).read_bytes()
        except FileNotFoundError as error:
            raise ArtifactError("There is no such artifact for this tenant.") from error
        if hashlib.sha256(data).hexdigest() != name:
            raise ArtifactError(f"The artifact {ref} is damaged: restore its file from a backup.")
        return data

    def _path(self, tenant_id: str, name: str) -> Path:
        # The prefix keeps a tenant called ".." in its place.
        return self._root / f"tenant-{quote(tenant_id, safe='')}" / name[:2] / name


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class MemoryArtifacts:
    """Artifacts in memory."""

    def __init__(self) -> None:
        self._data: dict[tuple[str, str], bytes] = {}

    def put(self, data: bytes, media_type: str, tenant_id: str) -> Artifact:
        """Keep bytes as long as this object lives."""
        artifact = _named(data, media_type, tenant_id)
        self._data[tenant_id, artifact.digest.hex()] = data
        return artifact

    def get(self, ref: str, tenant_id: str) -> bytes:
        """Return the bytes."""
        try:
            return self._data[tenant_id, _digest_of(ref, tenant_id)]
        except KeyError as error:
            raise ArtifactError("There is no such artifact for this tenant.") from error
