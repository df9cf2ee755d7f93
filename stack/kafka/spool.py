"""Records of a topic kept in files while the topic is made again, each partition in one."""

from __future__ import annotations

import base64
import heapq
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as it is written again; ``time_ms`` is in milliseconds since the epoch."""

    time_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class Spool:
    """A folder of kept records. It is complete once all of them are on the disk, or it is empty."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def is_complete(self) -> bool:
        """Whether everything is there: then the topic itself is not needed any more."""
        return (self.folder / _COMPLETE).exists()

    def begin(self) -> None:
        """Forget what an earlier attempt left half."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def keep(self, partition: int, records: Iterator[Kept]) -> int:
        """Write a partition's records and return how many there were."""
        count = 0
        with (self.folder / f"{partition}.jsonl").open("w", encoding="ascii") as file:
            for record in records:
                file.write(_line(record))
                count += 1
            file.flush()
            os.fsync(file.fileno())
        return count

    def finish(self) -> None:
        """Say that all is there."""
        (self.folder / _COMPLETE).touch()
        for name in (self.folder, self.folder.parent):
            handle = os.open(name, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def records(self) -> Iterator[Kept]:
        """Yield the records by time; those of one partition stay in their order."""
        found = sorted(self.folder.glob("*.jsonl"), key=lambda file: int(file.stem))
        yield from heapq.merge(*map(_read, found), key=lambda record: record.time_ms)

    def remove(self) -> None:
        """Forget all of it."""
        shutil.rmtree(self.folder)


def _line(record: Kept) -> str:
    headers = [[name, _text(value)] for name, value in record.headers]
    return json.dumps([record.time_ms, _text(record.key), _text(record.value), headers]) + "\n"


def _read(file: Path) -> Iterator[Kept]:
    with file.open(encoding="ascii") as lines:
        for line in lines:
            time_ms, key, value, headers = json.loads(line)
            named = tuple((name, _bytes(held)) for name, held in headers)
            yield Kept(time_ms, _bytes(key), _bytes(value), named)


def _text(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode("ascii")


def _bytes(value: str | None) -> bytes | None:
    return None if value is None else base64.b64decode(value)
