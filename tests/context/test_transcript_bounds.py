"""A transcript that somebody else made costs no more memory than one may, whatever it says."""

from __future__ import annotations

import io
import json
import tracemalloc
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import fastavro
import pytest

from runfold.events import topics
from runfold.events.avro.compiled.readers import reader_for
from runfold.events.avro.containers import Limits, records_in
from runfold.events.avro.measuring import UnsafeSchemaError, measure_of
from runfold.events.avro.schema import full_name, schema_for
from runfold.events.avro.vocabulary import RUNS
from runfold.events.calls.transcript import TranscriptEntry
from runfold.events.contents.transcript import LIMITS, TranscriptError, read
from runfold.events.errors import WireError
from runfold.events.records.commands import RunRequested

SYNC = bytes(16)
MOST_BYTES = 200_000_000


def number(value: int) -> bytes:
    value = (value << 1) ^ (value >> 63)
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def sized(value: bytes) -> bytes:
    return number(len(value)) + value


def file_of(
    schema: Any, count: int, block: bytes | Iterable[bytes], codec: bytes = b"deflate"
) -> bytes:
    """Return an Avro file with one compressed block, as raw as it is given."""
    squeezed = zlib.compressobj(9, wbits=-15)
    pieces = [block] if isinstance(block, bytes) else block
    held = b"".join([squeezed.compress(each) for each in pieces]) + squeezed.flush()
    headers = {b"avro.schema": json.dumps(schema).encode(), b"avro.codec": codec}
    head = number(len(headers)) + b"".join(sized(k) + sized(v) for k, v in headers.items())
    return b"Obj\x01" + head + number(0) + SYNC + number(count) + sized(held) + SYNC


def entry(**more: Any) -> Any:
    """Return the schema of an entry with other fields before its own."""
    schema = json.loads(json.dumps(schema_for(TranscriptEntry)))
    schema["fields"] = [{"name": n, "type": kind} for n, kind in more.items()] + schema["fields"]
    return schema


def nested(levels: int) -> Any:
    schema: Any = "int"
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


CALL = sized(b"") + sized(b"") + sized(b"") + number(0) + sized(b"") + number(0) * 4
CALLS = LIMITS.values // 8
MANY_CALLS = (
    *(sized(b""), sized(b""), number(1), number(0)),
    *(number(CALLS), CALL * CALLS, number(0)),
    *(number(0), number(0), b"\0", b"\0"),
)
EMPTY = {"type": "record", "name": full_name(TranscriptEntry), "fields": []}
NEXT = entry(next=["null", full_name(TranscriptEntry)])


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "half a gigabyte in half a megabyte": (
        lambda: file_of(entry(), 1, (bytes(1_000_000) for _ in range(500))),
        "more than 64000000 bytes",
    ),
    "calls of ten bytes that become kilobytes": (
        lambda: file_of(entry(), 1, b"".join(MANY_CALLS)),
        "more than 2000000 values",
    ),
    "entries without bytes": (lambda: file_of(EMPTY, 2**60, b""), "more than 2000000 values"),
    "a list of nothing": (
        lambda: file_of(entry(more={"type": "array", "items": "null"}), 1, number(2**60)),
        "take no bytes",
    ),
    "an entry within itself": (lambda: file_of(NEXT, 1, b"\x02" * 4_000_000), "contains itself"),
    "another codec": (lambda: file_of(entry(), 1, b"", b"bzip2"), "compressed by b'bzip2'"),
    "a schema of a megabyte": (
        lambda: file_of(entry() | {"doc": "x" * 1_000_000}, 0, b""),
        "a schema of more than",
    ),
    "a schema of ninety levels": (
        lambda: file_of(entry(more=nested(90)), 1, b"\x01"),
        "more than 64 levels",
    ),
    "fewer bytes than it announces": (
        lambda: file_of(entry(), 1, number(2**40)),
        "ends inside a value",
    ),
    "more records than it counts": (lambda: file_of(EMPTY, 1, b"\0"), "more than its records"),
    "fewer records than none": (lambda: file_of(EMPTY, -1, b""), "more than its records"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_transcript_is_refused_before_it_is_in_memory(what: str) -> None:
    make, said = HOSTILE[what]
    data = make()
    tracemalloc.start()
    try:
        with pytest.raises(TranscriptError, match=said):
            read(data)
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()


def test_a_block_that_breaks_off_is_refused() -> None:
    squeezed = zlib.compressobj(9, wbits=-15)
    half = squeezed.compress(b"x" * 1000) + squeezed.flush(zlib.Z_SYNC_FLUSH)
    data = file_of(EMPTY, 1, b"")
    begun = data[: -len(sized(zlib.compress(b"", wbits=-15))) - 17]
    with pytest.raises(TranscriptError, match="before what it compressed"):
        read(begun + number(1) + sized(half) + SYNC)


def test_what_a_file_may_hold_is_for_all_of_its_blocks() -> None:
    file = io.BytesIO()
    schema = {"type": "record", "name": "One", "fields": [{"name": "n", "type": "string"}]}
    said = [{"n": "x" * 100} for _ in range(1000)]
    fastavro.writer(file, schema, said, codec="deflate", sync_interval=1000)
    parsed = fastavro.parse_schema(schema)
    most = Limits(inflated_bytes=102_000, values=3000)
    assert list(records_in(file.getvalue(), parsed, most)) == said
    for less in (Limits(101_000, 3000), Limits(102_000, 2900)):
        with pytest.raises(ValueError, match="more than"):
            list(records_in(file.getvalue(), parsed, less))


def test_a_file_of_every_type_is_read_as_the_library_reads_it() -> None:
    fields: dict[str, tuple[Any, Any]] = {
        "flag": ("boolean", True),
        "whole": ("int", -7),
        "long": ("long", 2**62),
        "single": ("float", 0.5),
        "exact": ("double", -0.25),
        "raw": ("bytes", b"\0\1"),
        "map": ({"type": "map", "values": ["null", "long"]}, {"a": None, "b": 3}),
        "list": ({"type": "array", "items": "string"}, ["x", ""]),
        "fixed": ({"type": "fixed", "name": "F", "size": 3}, b"abc"),
        "again": ("F", b"def"),
        "enum": ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, "B"),
        "moment": ({"type": "long", "logicalType": "local-timestamp"}, 5),
        "inner": ({"type": "record", "name": "I", "fields": []}, {}),
    }
    schema = {
        "type": "record",
        "name": "All",
        "fields": [{"name": name, "type": kind} for name, (kind, _) in fields.items()],
    }
    said = [{name: value for name, (_, value) in fields.items()}] * 3
    for codec in ("null", "deflate"):
        file = io.BytesIO()
        fastavro.writer(file, schema, said, codec=codec)
        assert list(records_in(file.getvalue(), None, LIMITS)) == said


def test_a_registered_schema_that_contains_itself_is_not_read_by() -> None:
    schema = json.loads(json.dumps(schema_for(RunRequested)))
    schema["fields"].append({"name": "next", "type": ["null", full_name(RunRequested)]})
    with pytest.raises(WireError, match="cannot be used") as refused:
        reader_for(topics.REQUESTS, json.dumps(schema), RUNS)
    assert isinstance(refused.value.__cause__, UnsafeSchemaError)


@pytest.mark.parametrize("levels", [10, 60])
def test_a_schema_may_be_nested(levels: int) -> None:
    assert measure_of(fastavro.parse_schema(entry(more=nested(levels)))).least > 0
