"""What a back-up says of itself: ``manifest.json``, written last, without which it is none."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from runfold.events.expected import first_of
from runfold.surfaces.backup.errors import NotABackupError

FORMAT = 4
"""The form of the folder; a release that does not know it refuses it."""

WITHOUT_TENANTS = 1
"""The form of earlier releases: it has no journal of tenants, which they did not know."""

NO_FEEDBACK = 2
"""The form of releases that knew tenants, and no topic of feedback."""

NO_DELIVERIES = 3
"""The form of releases that left out what was sent to receivers of webhooks."""

FORMS = (WITHOUT_TENANTS, NO_FEEDBACK, NO_DELIVERIES, FORMAT)
"""Every form that this release reads."""

NAME = "manifest.json"

_MAX_BYTES = 1_000_000_000

_Count = Annotated[int, Field(ge=0, lt=2**63)]
_Moment = Annotated[AwareDatetime, Field(gt=datetime(1970, 1, 2, tzinfo=UTC))]
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileSaid(_Said):
    """A file of the folder: its path in it, its size in bytes and its sha256 in hexadecimal."""

    path: str
    size: _Count
    sha256: _Digest


class PartitionSaid(_Said):
    """The records of one partition.

    ``start`` is the offset from which it was read, ``end`` the one before which all was; ``before``
    is where the partition ended when the back-up began. ``unreadable`` are ranges of offsets that
    nobody can read any more, as (first, next).
    """

    topic: str
    partition: _Count
    start: _Count
    before: _Count
    end: _Count
    records: _Count
    file: FileSaid
    unreadable: tuple[tuple[_Count, _Count], ...] = ()


class TableSaid(_Said):
    """The rows of one table, as ``COPY`` writes these columns."""

    name: str
    columns: tuple[str, ...]
    rows: _Count
    file: FileSaid


class Manifest(_Said):
    """What a back-up holds. ``topic_ids`` are those of the topics that it was made from."""

    format: int
    runfold: str
    began_at: _Moment
    ended_at: _Moment
    partitions: int
    topic_ids: dict[str, str]
    live_runs: _Count
    ended_runs: _Count
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
    with new.open("w", encoding="utf-8") as file:
        new.chmod(0o600)
        file.write(manifest.model_dump_json(indent=1))
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / NAME)


def read(folder: Path) -> Manifest:
    """Return the manifest of a back-up; raises NotABackupError for whatever is wrong with it."""
    data = _bytes(folder)
    try:
        named = json.loads(data)
        form = named.get("format") if isinstance(named, dict) else None
        if isinstance(form, int) and form not in FORMS:
            raise NotABackupError(
                f"{folder} has the form {form}, this release reads {', '.join(map(str, FORMS))}: "
                "use the release that made it."
            )
        return Manifest.model_validate_json(data)
    except ValidationError as error:
        raise NotABackupError(
            f"{folder / NAME} cannot be read by this release: {first_of(error)}."
        ) from error
    except (ValueError, RecursionError) as error:
        raise NotABackupError(
            f"{folder / NAME} is not JSON in UTF-8: the back-up was damaged or changed, or is none."
        ) from error


def _bytes(folder: Path) -> bytes:
    path = folder / NAME
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _MAX_BYTES:
            what = "is no manifest" if os.path.lexists(path) else "is not there"
            raise NotABackupError(
                f"{path} {what}: {folder} is no back-up, or one that was not finished."
            )
        return path.read_bytes()
    except OSError as error:
        raise NotABackupError(f"{path} cannot be read ({error.strerror}).") from error


def check(path: Path, said: FileSaid) -> None:
    """Raise NotABackupError where the file at a path is not as the manifest says."""
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
    """Return what the manifest says of a file that was just written, and have it on the disk.

    From here on its owner alone may read it.
    """
    path.chmod(0o600)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    return FileSaid(path=str(path.relative_to(folder)), size=path.stat().st_size, sha256=digest)
