"""The files of the artifact store, each checked against its name, which is the sha256 of it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from runfold.surfaces.backup.errors import NotEmptyError
from runfold.surfaces.backup.manifest import FileSaid, said_of

FOLDER = "artifacts"


def save(store: Path, folder: Path) -> tuple[list[FileSaid], list[str]]:
    """Copy the files of a store; return what the manifest says of them, and which are damaged."""
    found, damaged = list[FileSaid](), list[str]()
    for path in _files(store):
        there = folder / FOLDER / path.relative_to(store)
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, there)
        said = said_of(folder, there)
        if said.sha256 == path.name:
            found.append(said)
        else:
            damaged.append(str(path.relative_to(store)))
            there.unlink()
    return found, damaged


def need_empty(store: Path) -> None:
    """Raise NotEmptyError where a store holds a file."""
    for path in _files(store):
        raise NotEmptyError(
            f"{store} holds artifacts, such as {path.name[:12]}: restore into a home that is empty."
        )


def load(store: Path, folder: Path, files: Sequence[FileSaid]) -> None:
    """Copy the files of a back-up into a store."""
    for said in files:
        there = store / Path(said.path).relative_to(FOLDER)
        there.parent.mkdir(parents=True, exist_ok=True)
        aside = there.with_name(f".{there.name}")
        shutil.copyfile(folder / said.path, aside)
        with aside.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != said.sha256:
                raise OSError(f"{folder / said.path} changed while it was copied")
        aside.replace(there)


def _files(store: Path) -> Iterator[Path]:
    if store.is_dir():
        yield from sorted(
            path for path in store.rglob("*") if path.is_file() and not path.name.startswith(".")
        )
