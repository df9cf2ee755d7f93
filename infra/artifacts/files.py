"""Artifacts as files; several machines share a store by sharing its folder."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from runfold.infra.artifacts.errors import (
    ArtifactDamagedError,
    ArtifactMissingError,
    ArtifactsUnavailableError,
)
from runfold.infra.artifacts.port import Artifact, digest_of, named, ref_of


class FileArtifacts:
    """Artifacts as files, written aside, synced and renamed, so that none is ever half there."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, data: bytes, media_type: str, tenant_id: str) -> Artifact:
        """Keep bytes durably; raises ArtifactsUnavailableError where the disk refuses them."""
        artifact = named(data, media_type, tenant_id)
        path = self._path(tenant_id, artifact.digest.hex())
        try:
            if not (path.exists() and path.stat().st_size == len(data)):
                _write(path, data)
        except OSError as error:
            raise ArtifactsUnavailableError(error.strerror or str(error)) from error
        return artifact

    def get(self, ref: str, tenant_id: str) -> bytes:
        """Return the bytes, checked against their name."""
        name = digest_of(ref, tenant_id)
        try:
            data = self._path(tenant_id, name).read_bytes()
        except FileNotFoundError as error:
            raise ArtifactMissingError from error
        except OSError as error:
            raise ArtifactsUnavailableError(error.strerror or str(error)) from error
        if hashlib.sha256(data).hexdigest() != name:
            raise ArtifactDamagedError(
                f"The artifact {ref} is damaged: restore its file from a backup."
            )
        return data

    def size(self, ref: str, tenant_id: str) -> int:
        """Return how many bytes the file has."""
        try:
            return self._path(tenant_id, digest_of(ref, tenant_id)).stat().st_size
        except FileNotFoundError as error:
            raise ArtifactMissingError from error
        except OSError as error:
            raise ArtifactsUnavailableError(error.strerror or str(error)) from error

    def refs(self, tenant_id: str) -> Iterator[str]:
        """Yield the ref of every file of a tenant; what is being written is not there yet."""
        for path in sorted(self._folder(tenant_id).glob("??/*")):
            if not path.name.startswith("."):
                yield ref_of(path.name, tenant_id)

    def delete(self, ref: str, tenant_id: str) -> bool:
        """Delete the file; raises ArtifactsUnavailableError where the disk refuses it."""
        path = self._path(tenant_id, digest_of(ref, tenant_id))
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise ArtifactsUnavailableError(error.strerror or str(error)) from error
        return True

    def drop(self, tenant_id: str) -> int:
        """Delete the folder of a tenant; raises ArtifactsUnavailableError where a file stays."""
        folder = self._folder(tenant_id)
        try:
            found = sum(1 for path in folder.rglob("*") if path.is_file())
            if folder.exists():
                shutil.rmtree(folder)
        except OSError as error:
            raise ArtifactsUnavailableError(error.strerror or str(error)) from error
        return found

    def _path(self, tenant_id: str, name: str) -> Path:
        return self._folder(tenant_id) / name[:2] / name

    def _folder(self, tenant_id: str) -> Path:
        # The prefix keeps a tenant called ".." in its place.
        return self._root / f"tenant-{quote(tenant_id, safe='')}"


def _write(path: Path, data: bytes) -> None:
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


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
