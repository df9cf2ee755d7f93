"""Kafka itself: the jars of one release, fetched once and checked each time."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from runfold.stack.errors import StackError
from runfold.stack.kafka import maven

KAFKA_RELEASE = "4.2.2"
"""Embedded and tested with; why not a newer one: docs/adr/0020-kafka-without-skipped-markers.md."""

KAFKA_LOCK = Path(__file__).with_name(f"kafka-{KAFKA_RELEASE}.lock")
_LINE = re.compile(r"([^:\s]+):([^:\s]+):([^:\s]+) sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Locked:
    """One artifact by its exact coordinates and the sha256 of its bytes."""

    group: str
    artifact: str
    version: str
    sha256: str
    classifier: str = ""
    packaging: str = "jar"

    @property
    def filename(self) -> str:
        """The name Maven gives it."""
        tail = f"-{self.classifier}" if self.classifier else ""
        return f"{self.artifact}-{self.version}{tail}.{self.packaging}"


def read_lock(file: Path = KAFKA_LOCK) -> tuple[Locked, ...]:
    """Return the locked artifacts; raises StackError naming a line that is not one."""
    locked = []
    for number, line in enumerate(file.read_text().splitlines(), 1):
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise StackError(f"{file.name} line {number} is not `group:artifact:version sha256:…`.")
        locked.append(Locked(*match.groups()))
    return tuple(locked)


def ensure(
    cache: Path, report: Callable[[str], None] = lambda _: None, lock: Path = KAFKA_LOCK
) -> Path:
    """Return the folder with every locked jar in it, each with the locked bytes.

    What is missing is fetched; a jar with other bytes is refused by name. Progress goes
    to ``report`` as short sentences.
    """
    key = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    folder = cache / f"{lock.stem}-{key}"
    missing = [item for item in read_lock(lock) if not _is_there(item, folder)]
    if missing:
        _fetch_all(missing, folder, report)
    return folder


def fetch(item: Locked, folder: Path) -> Path:
    """Return the artifact's file in the folder, fetched from Maven and checked."""
    target = folder / item.filename
    if _is_there(item, folder):
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".fetching-") as scratch:
            kind = (item.classifier, item.packaging)
            found = maven.download(item.group, item.artifact, item.version, kind, Path(scratch))
            _check(item, found)
            # The whole file appears at once, whoever else fetches it at the same time.
            part = Path(scratch) / "whole"
            part.write_bytes(found.read_bytes())
            part.replace(target)
    except OSError as error:
        raise StackError(_why(item, folder, error)) from error
    return target


def _fetch_all(missing: list[Locked], folder: Path, report: Callable[[str], None]) -> None:
    pool = ThreadPoolExecutor(8, thread_name_prefix="jars")
    try:
        report(f"fetching Kafka: {len(missing)} jars")
        jobs = [pool.submit(fetch, item, folder) for item in missing]
        for done, job in enumerate(as_completed(jobs), 1):
            job.result()
            report(f"fetching Kafka: {done} of {len(missing)} jars")
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _is_there(item: Locked, folder: Path) -> bool:
    file = folder / item.filename
    if not file.exists():
        return False
    _check(item, file)
    return True


def _check(item: Locked, file: Path) -> None:
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != item.sha256:
        raise StackError(
            f"{item.filename} is not the locked one (sha256 {found[:12]}…, not "
            f"{item.sha256[:12]}…) and is refused: delete {file} and start again."
        )


def _why(item: Locked, folder: Path, error: OSError) -> str:
    if error.errno in {28, 122}:
        return f"The disk is full: {item.filename} does not fit into {folder}; free some space."
    if error.filename is not None:
        return (
            f"Cannot write to {folder} ({error.strerror}): "
            "set RUNFOLD_CACHE to a folder that you may write to."
        )
    return maven.why(item.filename, error)


def aot_cache(cache: Path, jre: str, lock: Path = KAFKA_LOCK) -> Path:
    """Return where the ahead-of-time cache of these jars under this Java belongs."""
    key = hashlib.sha256(lock.read_bytes() + jre.encode() + os.uname().machine.encode())
    return cache / f"{lock.stem}-{key.hexdigest()[:12]}.aot"
