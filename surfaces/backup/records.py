"""Records of a topic as they stand in a back-up: an Avro container file a partition.

Everything of a record is kept, for any reader of Avro: its offset, its time, its key, its value and
its headers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import fastavro
from fastavro.write import Writer

from runfold.producers.log.tail import RawRecord, headers_in
from runfold.surfaces.backup.errors import NotABackupError

_BYTES = ["null", "bytes"]
_SCHEMA: Any = fastavro.parse_schema(
    {
        "type": "record",
        "name": "KeptRecord",
        "namespace": "runfold.backup",
        "fields": [
            {"name": "offset", "type": "long"},
            {"name": "time_ms", "type": "long"},
            {"name": "key", "type": _BYTES},
            {"name": "value", "type": _BYTES},
            {
                "name": "headers",
                "type": {
                    "type": "array",
                    "items": {
                        "type": "record",
                        "name": "KeptHeader",
                        "fields": [
                            {"name": "name", "type": "string"},
                            {"name": "value", "type": _BYTES},
                        ],
                    },
                },
            },
        ],
    }
)
_LEVEL = 1  # of deflate: half of what any other level saves, at a quarter of its time


class Kept(NamedTuple):
    """A record as it stood at an offset; ``time_ms`` is its time stamp, at least 1."""

    offset: int
    time_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


def kept(record: RawRecord) -> Kept:
    """Return all of a record that was read from a topic."""
    return Kept(
        record.offset() or 0,
        max(1, record.timestamp()[1]),
        record.key(),
        record.value(),
        headers_in(record),
    )


def write(path: Path, records: Iterable[Kept]) -> int:
    """Write records into a new file; return how many."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("xb") as file:
        writer = Writer(file, _SCHEMA, "deflate", compression_level=_LEVEL)
        for each in records:
            headers = [{"name": name, "value": value} for name, value in each.headers]
            writer.write({**each._asdict(), "headers": headers})
            count += 1
        writer.flush()
    return count


def read(path: Path) -> Iterator[Kept]:
    """Yield the records of a file, in order; raises NotABackupError where it holds anything else.

    What ``reader`` raises for bytes that are no Avro is of no one kind.
    """
    with path.open("rb") as file:
        try:
            found = iter(fastavro.reader(file))
        except Exception as error:
            raise _no_records(path) from error
        while True:
            try:
                each = _kept(next(found))
            except StopIteration:
                return
            except Exception as error:
                raise _no_records(path) from error
            yield each


def check(path: Path, start: int, end: int, count: int) -> None:
    """Raise NotABackupError unless a file holds so many records, in order, of these offsets."""
    at, found = start, 0
    for each in read(path):
        if not at <= each.offset < end or each.time_ms < 0:
            raise NotABackupError(
                f"{path} holds a record of offset {each.offset} where one from {at} to before "
                f"{end} must stand."
            )
        at, found = each.offset + 1, found + 1
    if found != count:
        raise NotABackupError(f"{path} holds {found} records, the manifest says {count}.")


def _kept(found: Any) -> Kept:
    """Return a record as it was read; raises whatever a value of another form leads to."""
    headers = tuple((each["name"], each["value"]) for each in found["headers"])
    each = Kept(found["offset"], found["time_ms"], found["key"], found["value"], headers)
    numbers, texts = (each.offset, each.time_ms), tuple(name for name, _ in headers)
    data = (each.key, each.value, *(value for _, value in headers))
    if not (
        all(type(number) is int for number in numbers)
        and all(isinstance(text, str) for text in texts)
        and all(value is None or isinstance(value, bytes) for value in data)
    ):
        raise TypeError("a field of another type")
    return each


def _no_records(path: Path) -> NotABackupError:
    return NotABackupError(f"{path} holds no records that this release can read.")
