"""One contract for artifacts, kept in memory and in files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from runfold.infra.artifacts.errors import (
    ArtifactDamagedError,
    ArtifactMissingError,
    ArtifactsUnavailableError,
)
from runfold.infra.artifacts.files import FileArtifacts
from runfold.infra.artifacts.memory import MemoryArtifacts
from runfold.infra.artifacts.port import ArtifactStore


@pytest.fixture(params=["memory", "files"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    return MemoryArtifacts() if request.param == "memory" else FileArtifacts(tmp_path)


@pytest.mark.parametrize("data", [b"", b"text", bytes(range(256)) * 5000])
def test_what_was_put_comes_back(store: ArtifactStore, data: bytes) -> None:
    kept = store.put(data, "text/plain", "acme")
    assert store.get(kept.ref, "acme") == data
    assert (kept.size, kept.digest) == (len(data), hashlib.sha256(data).digest())


def test_the_same_bytes_have_the_same_name(store: ArtifactStore) -> None:
    assert store.put(b"a", "text/plain", "acme") == store.put(b"a", "text/plain", "acme")


def test_another_tenant_cannot_read_it_under_any_name(store: ArtifactStore) -> None:
    kept = store.put(b"secret", "text/plain", "acme")
    with pytest.raises(ArtifactMissingError):
        store.get(kept.ref, "other")
    with pytest.raises(ArtifactMissingError):
        store.get(kept.ref.replace("acme", "other"), "other")
    with pytest.raises(ArtifactMissingError):
        store.get(kept.digest.hex(), "acme")


@pytest.mark.parametrize("tenant", ["..", ".", "a/b", "../acme", "ä ö", "%2e%2e", ""])
def test_strange_tenants_keep_to_themselves(store: ArtifactStore, tenant: str) -> None:
    kept = store.put(b"theirs", "text/plain", tenant)
    assert store.get(kept.ref, tenant) == b"theirs"
    with pytest.raises(ArtifactMissingError):
        store.get(kept.ref, "acme")


@pytest.mark.parametrize(
    "ref",
    ["", "artifact:acme/", "artifact:acme/../../x", "/etc/passwd", f"artifact:acme/{'0' * 64}"],
)
def test_a_name_of_nothing_is_refused(store: ArtifactStore, ref: str) -> None:
    with pytest.raises(ArtifactMissingError):
        store.get(ref, "acme")


def test_files_stay_inside_the_root(tmp_path: Path) -> None:
    FileArtifacts(tmp_path / "root").put(b"a", "text/plain", "../..")
    assert [path.name for path in tmp_path.iterdir()] == ["root"]


def test_a_damaged_file_is_noticed(tmp_path: Path) -> None:
    store = FileArtifacts(tmp_path)
    kept = store.put(b"right", "text/plain", "acme")
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    path.write_bytes(b"wrong")
    with pytest.raises(ArtifactDamagedError, match="damaged"):
        store.get(kept.ref, "acme")


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ArtifactsUnavailableError, match="No space"):
        FileArtifacts(tmp_path).put(b"a", "text/plain", "acme")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_file_that_cannot_be_read_is_not_missing(tmp_path: Path) -> None:
    store = FileArtifacts(tmp_path)
    kept = store.put(b"right", "text/plain", "acme")
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    path.unlink()
    path.mkdir()
    with pytest.raises(ArtifactsUnavailableError, match="Is a directory"):
        store.get(kept.ref, "acme")
