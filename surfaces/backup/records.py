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
    """Yield the records of a file, in order."""
    with path.open("rb") as file:
        for found in fastavro.reader(file):
            assert isinstance(found, dict)
            headers = tuple((each["name"], each["value"]) for each in found["headers"])
            yield Kept(found["offset"], found["time_ms"], found["key"], found["value"], headers)
