"""The codec's floor: the same events encoded and decoded in one go, and their hashes."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import fastavro

from benchmarks.floors.recorded import Written
from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.compiled.readers import HEAD
from runfold.events.avro.registry import LockRegistry
from runfold.events.run import Event


def encode_all(records: Sequence[Written]) -> Callable[[], None]:
    """Return what encodes every event with the product's writers and hashes it for the chain."""
    codec = Codec(LockRegistry())
    decoded = [codec.decode(topics.EVENTS, record.value) for record in records]
    events = [event for event in decoded if isinstance(event, Event)]
    for event in events:
        codec.encode_event(event.meta, event.fact)

    def encode() -> None:
        for event in events:
            hashlib.sha256(codec.encode_event(event.meta, event.fact)).digest()

    return encode


def decode_all(records: Sequence[Written]) -> Callable[[], None]:
    """Return what decodes every event to plain values with fastavro."""
    registry = LockRegistry()
    schemas: dict[bytes, Any] = {}
    for record in records:
        head = record.value[:HEAD]
        if head not in schemas:
            schema = json.loads(registry.schema_of(int.from_bytes(head[1:], "big")))
            schemas[head] = fastavro.parse_schema(schema)

    def decode() -> None:
        read = fastavro.schemaless_reader
        for record in records:
            value = record.value
            read(io.BytesIO(value[HEAD:]), schemas[value[:HEAD]], None)

    return decode
