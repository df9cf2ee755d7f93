"""Reading an Avro object container file of a stranger, bounded before anything is built of it.

A hundred kilobytes of deflate hold a hundred megabytes, and a file brings its own schema. So the
blocks are inflated with a limit, and their values are counted before the library builds them.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import fastavro

from runfold.events.avro.measuring import Tally, UnreadableValueError, measure_of, number, sized

_MAGIC = b"Obj\x01"
_SYNC_BYTES = 16
_MOST_HEADERS = 100
_MOST_SCHEMA_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may hold: bytes once inflated, and values of any kind."""

    inflated_bytes: int
    values: int


class _Head(NamedTuple):
    schema: Any
    deflated: bool
    sync: bytes
    end: int


def records_in(data: bytes, reader_schema: Any, limits: Limits) -> Iterator[Any]:
    """Yield the records of a file, resolved to ``reader_schema``.

    Raises ValueError for what is no such file or holds more than it may; rubbish can raise what
    the library raises for it.
    """
    head = _head(data)
    past = measure_of(head.schema).past
    left, tally, at = limits.inflated_bytes, Tally(limits.values), head.end
    while at < len(data):
        count, at = number(data, at)
        held, at = sized(data, at)
        if data[at : at + _SYNC_BYTES] != head.sync:
            raise UnreadableValueError("a block does not end with the mark of the file")
        at += _SYNC_BYTES
        block = _inflated(held, left) if head.deflated else held
        left -= len(block)
        if left < 0:
            raise UnreadableValueError(f"more than {limits.inflated_bytes} bytes")
        tally.count(max(0, count))
        place = 0
        for _ in range(count):
            place = past(block, place, tally)
        if count < 0 or place != len(block):
            raise UnreadableValueError("a block holds more than its records")
        source = io.BytesIO(block)
        for _ in range(count):
            yield fastavro.schemaless_reader(source, head.schema, reader_schema)


def _head(data: bytes) -> _Head:
    if not data.startswith(_MAGIC):
        raise UnreadableValueError("it does not begin as an Avro file does")
    headers: dict[bytes, bytes] = {}
    at = len(_MAGIC)
    while True:
        count, at = number(data, at)
        if count == 0:
            break
        if count < 0:
            count, (_, at) = -count, number(data, at)
        if len(headers) + count > _MOST_HEADERS:
            raise UnreadableValueError(f"more than {_MOST_HEADERS} headers")
        for _ in range(count):
            name, at = sized(data, at)
            headers[name], at = sized(data, at)
    written = headers.get(b"avro.schema", b"")
    if len(written) > _MOST_SCHEMA_BYTES:
        raise UnreadableValueError(f"a schema of more than {_MOST_SCHEMA_BYTES} bytes")
    codec = headers.get(b"avro.codec", b"null")
    if codec not in {b"null", b"deflate"}:
        raise UnreadableValueError(f"compressed by {codec[:20]!r}, which is not read here")
    sync = data[at : at + _SYNC_BYTES]
    if len(sync) < _SYNC_BYTES:
        raise UnreadableValueError("it ends inside its head")
    schema = fastavro.parse_schema(json.loads(written))
    if not isinstance(schema, dict):
        raise UnreadableValueError("its schema is not one of a record")
    return _Head(schema, codec == b"deflate", sync, at + _SYNC_BYTES)


def _inflated(held: bytes, most: int) -> bytes:
    inflating = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    # One byte more than may be says that there is more.
    found = inflating.decompress(held, most + 1)
    if len(found) <= most and not inflating.eof:
        raise UnreadableValueError("a block ends before what it compressed does")
    return found
