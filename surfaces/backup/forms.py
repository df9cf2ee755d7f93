"""What a manifest may name: paths of a closed form, and each partition that belongs, once.

A back-up may come from anywhere. Nothing of it is opened before its path is known to be one that
``backup`` writes, and nothing outside its folder is ever read or written for it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from runfold.events.topics import TOPICS
from runfold.surfaces.backup import deliveries
from runfold.surfaces.backup.errors import NotABackupError
from runfold.surfaces.backup.manifest import (
    NO_DELIVERIES,
    NO_FEEDBACK,
    WITHOUT_TENANTS,
    FileSaid,
    Manifest,
)
from runfold.surfaces.backup.source import KEPT, TENANTS_ONLY, WITHOUT_FEEDBACK
from runfold.surfaces.backup.tables import TABLES

MAX_PARTITIONS = 100_000

_ARTIFACT = re.compile(r"artifacts/tenant-[A-Za-z0-9_.~%-]*/([0-9a-f]{2})/(\1[0-9a-f]{62})")
_COLUMN = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_LEFT_OUT = {WITHOUT_TENANTS: TENANTS_ONLY, NO_FEEDBACK: WITHOUT_FEEDBACK}
_BY_RUN = {topic.name: topic.by_run for topic in TOPICS}


def need_form(manifest: Manifest) -> None:
    """Raise NotABackupError where a manifest names what no back-up has, or lacks what each has."""
    if not 1 <= manifest.partitions <= MAX_PARTITIONS:
        raise NotABackupError(f"The manifest names {manifest.partitions} partitions.")
    _need_partitions(manifest)
    _need_tables(manifest)
    for file in manifest.artifacts:
        if not is_artifact(file.path) or PurePosixPath(file.path).name != file.sha256:
            raise _not_ours("artifact", file.path)
    if again := _twice(file.path for file in manifest.artifacts):
        raise NotABackupError(f"The manifest names {again!r} twice.")


def is_artifact(path: str) -> bool:
    """Return whether a path is one that an artifact has in a back-up."""
    return _ARTIFACT.fullmatch(path) is not None


def place_of(folder: Path, said: FileSaid) -> Path:
    """Return where a file of a back-up is; raises NotABackupError where a link is on the way."""
    at = folder
    for part in PurePosixPath(said.path).parts:
        at /= part
        if at.is_symlink():
            raise NotABackupError(f"{at} is a symbolic link: a back-up has none.")
    if not at.resolve().is_relative_to(folder.resolve()):
        raise NotABackupError(f"{at} is not in the folder of the back-up.")
    if not at.is_file():
        raise NotABackupError(f"{at} cannot be read: it is missing, or no file.")
    return at


def _need_partitions(manifest: Manifest) -> None:
    left_out = _LEFT_OUT.get(manifest.format, frozenset[str]())
    wanted = {
        (topic, number)
        for topic in KEPT
        if topic not in left_out
        for number in range(manifest.partitions if _BY_RUN[topic] else 1)
    }
    found = Counter((each.topic, each.partition) for each in manifest.topics)
    for topic, partition in found:
        if (topic, partition) not in wanted:
            raise _not_ours("partition", f"{topic}/{partition}")
    if missing := wanted - set(found):
        topic, partition = min(missing)
        raise NotABackupError(f"The manifest lacks the partition {topic}/{partition}.")
    if again := _twice(f"{each.topic}/{each.partition}" for each in manifest.topics):
        raise NotABackupError(f"The manifest names {again!r} twice.")
    for each in manifest.topics:
        if each.file.path != f"topics/{each.topic}/{each.partition}.avro":
            raise _not_ours("file", each.file.path)
        if not (each.start <= each.end and each.records <= each.end - each.start):
            raise NotABackupError(
                f"The manifest names {each.records} records of {each.topic}/{each.partition} "
                f"from offset {each.start} to {each.end}."
            )


def _need_tables(manifest: Manifest) -> None:
    for each in manifest.tables:
        later = manifest.format <= NO_DELIVERIES and each.name in deliveries.TABLES
        if later or each.name not in TABLES or each.file.path != f"tables/{each.name}.copy":
            raise _not_ours("table", f"{each.name} in {each.file.path}")
        columns = [name for name in each.columns if _COLUMN.fullmatch(name)]
        if not columns or len(set(columns)) != len(each.columns):
            raise NotABackupError(f"The manifest names columns of {each.name} that none can have.")
    if again := _twice(each.name for each in manifest.tables):
        raise NotABackupError(f"The manifest names {again!r} twice.")


def _twice(names: Iterable[str]) -> str:
    return next((name for name, count in Counter(names).items() if count > 1), "")


def _not_ours(what: str, name: str) -> NotABackupError:
    return NotABackupError(
        f"The manifest names a {what} that no back-up has: {name!r}. Nothing was restored from it."
    )
