"""How to read what one schema wrote on one topic: resolved to today's class, built, checked."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, NamedTuple

import fastavro
from fastavro.read import SchemaResolutionError
from fastavro.schema import SchemaParseException, UnknownType
from pydantic import ValidationError

from runfold.events.avro.compiled.builders import builder_for
from runfold.events.avro.compiled.parsers import NOT_PARSED, Parser, parser_for
from runfold.events.avro.measuring import measure_of
from runfold.events.avro.schema import full_name, full_name_in, meaning, physical, schema_for
from runfold.events.avro.shapes import event_of, meta_of
from runfold.events.avro.vocabulary import Vocabulary
from runfold.events.base import Fact, Record
from runfold.events.errors import WireError
from runfold.events.expected import first_of
from runfold.events.run.event import Event
from runfold.events.tenant import TenantEvent

Decoded = Record | Event | TenantEvent
Reader = Callable[[bytes], Decoded]

HEAD = 5
"""Bytes before the Avro: 0x00 and the schema's id."""

# What rubbish raises in fastavro, in decimal and in datetime.
_UNREADABLE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
    SchemaResolutionError,
)


def reader_for(topic: str, schema: str, vocabulary: Vocabulary) -> Reader:
    """Return the function that reads a topic's values; raises WireError if none may be there."""
    ours = topic in vocabulary.ours
    found = _by_library(topic, schema, tuple(vocabulary.records.get(topic, ())), ours=ours)
    return _quickly(parser_for(found.record), found.read) if found.same and ours else found.read


class _Library(NamedTuple):
    """How the library reads values of ``record``; ``same`` if they were written as today."""

    record: type[Record]
    read: Reader
    same: bool


# A process has several codecs, and a reader keeps nothing of the values it has read. The number is
# bounded, as schemas come from strangers too.
@lru_cache(maxsize=1024)
def _by_library(
    topic: str, schema: str, records: tuple[type[Record], ...], *, ours: bool
) -> _Library:
    try:
        written = json.loads(schema)
        name = full_name_in(written)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise WireError("unknown_schema", "The registry's schema is no Avro record.") from error
    record = {full_name(each): each for each in records}.get(name)
    if record is None:
        raise WireError("wrong_topic", f"{topic} carries no {name}.")
    same = meaning(written) == _meant_today(record)
    # Our builders make amounts and moments faster than the library does.
    form = physical if ours else _unchanged
    try:
        writer_schema = fastavro.parse_schema(form(written))
        measure_of(writer_schema)
    except (SchemaParseException, UnknownType, *_UNREADABLE) as error:
        raise WireError("unknown_schema", f"The schema of {name} cannot be used.") from error
    reader_schema = None if same else fastavro.parse_schema(form(schema_for(record)))
    read = _reader(writer_schema, reader_schema, _finish(record, ours=ours))
    return _Library(record, read, same)


@cache
def _meant_today(record: type[Record]) -> str:
    return meaning(schema_for(record))


def _quickly(parse: Parser, slowly: Reader) -> Reader:
    def decode(value: bytes) -> Decoded:
        try:
            found: Decoded = parse(value)
        except NOT_PARSED:
            # The library says what is wrong with it.
            return slowly(value)
        return found

    return decode


def _reader(
    writer_schema: Any, reader_schema: Any, finish: Callable[[dict[str, Any]], Decoded]
) -> Reader:
    read = fastavro.schemaless_reader

    def decode(value: bytes) -> Decoded:
        source = io.BytesIO(value)
        source.seek(HEAD)
        try:
            found: Any = read(source, writer_schema, reader_schema)
            rest = len(value) - source.tell()
            if rest == 0:
                return finish(found)
        except ValidationError as error:
            raise WireError("invalid", f"{first_of(error, 'the record')}.") from error
        except _UNREADABLE as error:
            # The library says EOFError inside a text and IndexError inside a number.
            if isinstance(error, EOFError | IndexError) and source.tell() == len(value):
                raise WireError("truncated", "The value ends inside the record.") from error
            raise WireError("invalid", f"The value is no such record: {error}") from error
        raise WireError("invalid", f"{rest} bytes follow the record.")

    return decode


def _finish(record: type[Record], *, ours: bool) -> Callable[[dict[str, Any]], Decoded]:
    """Return what makes the object: the quick way for our own, pydantic for what others sent."""
    if not ours:
        return record.model_validate
    build = builder_for(record)
    if not issubclass(record, Fact):
        return build

    build_meta, event = builder_for(meta_of(record)), event_of(record)

    def build_event(found: dict[str, Any]) -> Event:
        meta = build_meta(found.pop("meta"))
        made: Event = event(meta, build(found))
        return made

    return build_event


def _unchanged(schema: Any) -> Any:
    return schema
