"""The files of the artifact store, each checked against its name, which is the sha256 of it."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from runfold.surfaces.backup.errors import NotABackupError, NotEmptyError
from runfold.surfaces.backup.forms import is_artifact, place_of
from runfold.surfaces.backup.manifest import FileSaid, said_of

FOLDER = "artifacts"


def save(store: Path, folder: Path) -> tuple[list[FileSaid], list[str]]:
    """Copy the files of a store; return what the manifest says of them, and which are damaged.

    A file that stands where the store looks for none counts as damaged.
    """
    found, damaged = list[FileSaid](), list[str]()
    for path in _files(store):
        name = path.relative_to(store)
        if not is_artifact(f"{FOLDER}/{name}"):
            damaged.append(_shown(name))
            continue
        there = folder / FOLDER / name
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, there)
        said = said_of(folder, there)
        if said.sha256 == path.name:
            found.append(said)
        else:
            damaged.append(_shown(name))
            there.unlink()
    return found, damaged


def need_empty(store: Path) -> None:
    """Raise NotEmptyError where a store holds a file."""
    for path in _files(store):
        raise NotEmptyError(
            f"{store} holds artifacts, such as {path.name[:12]}: restore into a home that is empty."
        )


def load(store: Path, folder: Path, files: Sequence[FileSaid]) -> None:
    """Copy the files of a back-up into a store; raises NotABackupError for a path of no artifact.

    The store is empty, so that nothing in it leads elsewhere.
    """
    for said in files:
        if not is_artifact(said.path):
            raise NotABackupError(f"{said.path!r} is not the path of an artifact.")
        there = store / Path(said.path).relative_to(FOLDER)
        there.parent.mkdir(parents=True, exist_ok=True)
        aside = there.with_name(f".{there.name}")
        shutil.copyfile(place_of(folder, said), aside)
        with aside.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != said.sha256:
                raise OSError(f"{folder / said.path} changed while it was copied")
        aside.replace(there)


def _shown(name: Path) -> str:
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _files(store: Path) -> Iterator[Path]:
    if store.is_dir():
        yield from sorted(
            path for path in store.rglob("*") if path.is_file() and not path.name.startswith(".")
        )
