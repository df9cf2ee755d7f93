"""What was said in a run, as a document: an Avro object container file, an entry a message.

Its schema lies in the file, so any Avro tool reads it, and a file of an older schema is read as
today's. The same entries always give the same bytes. What a file may hold is bounded before it is
inflated.
"""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import fastavro
from fastavro.read import SchemaResolutionError
from fastavro.schema import SchemaParseException, UnknownType

from runfold.events.avro.compiled.builders import builder_for
from runfold.events.avro.containers import Limits, records_in
from runfold.events.avro.schema import meaning, schema_for
from runfold.events.calls.transcript import TranscriptEntry
from runfold.events.contents.content import Content, content

MEDIA_TYPE = "avro/binary"

LIMITS = Limits(inflated_bytes=64_000_000, values=2_000_000)
"""What a transcript may hold; a message takes about fourteen values."""

# A fixed one, where the library would take a random one: the bytes must follow from the entries.
_SYNC_MARKER = hashlib.sha256(b"runfold transcript").digest()[:16]


class TranscriptError(ValueError):
    """The bytes are not a transcript."""


def write(entries: Iterable[TranscriptEntry]) -> bytes:
    """Return a transcript's bytes."""
    file = io.BytesIO()
    records = [entry.model_dump() for entry in entries]
    fastavro.writer(file, _schema(), records, codec="deflate", sync_marker=_SYNC_MARKER)
    return file.getvalue()


def read(data: bytes) -> tuple[TranscriptEntry, ...]:
    """Return the entries of a transcript; raises TranscriptError for anything else."""
    try:
        return tuple(map(_build, records_in(data, _schema(), LIMITS)))
    except _UNREADABLE as error:
        raise TranscriptError(f"{type(error).__name__}: {error}") from error


def inline(entries: Iterable[TranscriptEntry]) -> Content:
    """Return a transcript as content that is carried whole."""
    return content(write(entries), MEDIA_TYPE)


_build: Callable[[Any], TranscriptEntry] = builder_for(TranscriptEntry)

# What rubbish raises in fastavro and in zlib.
_UNREADABLE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    SchemaParseException,
    SchemaResolutionError,
    UnknownType,
    zlib.error,
)


@cache
def _schema() -> Any:
    # Without its documentation: better words must not give other bytes.
    return fastavro.parse_schema(json.loads(meaning(schema_for(TranscriptEntry))))
