"""What a back-up says of itself: ``manifest.json``, written last, without which it is none."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from runfold.surfaces.backup.errors import NotABackupError

FORMAT = 1
"""The form of the folder; a release that does not know it refuses it."""

NAME = "manifest.json"


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileSaid(_Said):
    """A file of the folder: its path in it, its size in bytes and its sha256 in hexadecimal."""

    path: str
    size: int
    sha256: str


class PartitionSaid(_Said):
    """The records of one partition.

    ``start`` is the offset from which it was read, ``end`` the one before which all was; ``before``
    is where the partition ended when the back-up began. ``unreadable`` are ranges of offsets that
    nobody can read any more, as (first, next).
    """

    topic: str
    partition: int
    start: int
    before: int
    end: int
    records: int
    file: FileSaid
    unreadable: tuple[tuple[int, int], ...] = ()


class TableSaid(_Said):
    """The rows of one table, as ``COPY`` writes these columns."""

    name: str
    columns: tuple[str, ...]
    rows: int
    file: FileSaid


class Manifest(_Said):
    """What a back-up holds. ``topic_ids`` are those of the topics that it was made from."""

    format: int
    runfold: str
    began_at: datetime
    ended_at: datetime
    partitions: int
    topic_ids: dict[str, str]
    live_runs: int
    ended_runs: int
    topics: tuple[PartitionSaid, ...]
    tables: tuple[TableSaid, ...]
    artifacts: tuple[FileSaid, ...]
    damaged_artifacts: tuple[str, ...] = ()

    def of(self, topic: str) -> list[PartitionSaid]:
        """Return the partitions of a topic, in order."""
        return [each for each in self.topics if each.topic == topic]

    def files(self) -> list[FileSaid]:
        """Return every file."""
        records = [each.file for each in self.topics]
        return [*records, *(each.file for each in self.tables), *self.artifacts]


def write(folder: Path, manifest: Manifest) -> None:
    """Write the manifest durably, at once."""
    new = folder / f".{NAME}"
    with new.open("w") as file:
        file.write(manifest.model_dump_json(indent=1))
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / NAME)


def read(folder: Path) -> Manifest:
    """Return the manifest of a back-up; raises NotABackupError."""
    try:
        text = (folder / NAME).read_text()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotABackupError(
            f"{folder} holds no {NAME}: it is no back-up, or one that was not finished."
        ) from error
    try:
        found = Manifest.model_validate_json(text)
    except ValidationError as error:
        raise NotABackupError(
            f"{folder / NAME} cannot be read by this release: {error.error_count()} faults."
        ) from error
    if found.format != FORMAT:
        raise NotABackupError(
            f"{folder} has the form {found.format}, this release reads {FORMAT}: use the release "
            f"that made it, {found.runfold}."
        )
    return found


def check(folder: Path, said: FileSaid) -> None:
    """Raise NotABackupError where a file is not as the manifest says."""
    path = folder / said.path
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = path.stat().st_size
    except OSError as error:
        raise NotABackupError(f"{path} cannot be read ({error.strerror}).") from error
    if (size, digest) != (said.size, said.sha256):
        raise NotABackupError(
            f"{path} is not what the manifest says: the back-up was damaged or changed. "
            "Nothing was restored from it."
        )


def said_of(folder: Path, path: Path) -> FileSaid:
    """Return what the manifest says of a file that was just written, and have it on the disk."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    return FileSaid(path=str(path.relative_to(folder)), size=path.stat().st_size, sha256=digest)
