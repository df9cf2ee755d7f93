"""How to read what one schema wrote on one topic: resolved to today's class, built, checked."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import fastavro
from fastavro.read import SchemaResolutionError
from fastavro.schema import SchemaParseException, UnknownType
from pydantic import ValidationError

from runfold.events import topics
from runfold.events.avro.builders import builder_for
from runfold.events.avro.parsers import NOT_PARSED, Parser, parser_for
from runfold.events.avro.schema import full_name, meaning, physical, schema_for
from runfold.events.base import Fact, Record
from runfold.events.catalogue import CATALOGUE
from runfold.events.errors import WireError
from runfold.events.run.event import Event, Meta

Decoded = Record | Event
Reader = Callable[[bytes], Decoded]

HEAD = 5
"""Bytes before the Avro: 0x00 and the schema's id."""

# Only the run processor writes these, so what they hold was valid when it was written.
_OURS = frozenset({topics.EVENTS, topics.COMPLETIONS})

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

_build_meta = builder_for(Meta)


def reader_for(topic: str, schema: str) -> Reader:
    """Return the function that reads a topic's values; raises WireError if none may be there."""
    try:
        written = json.loads(schema)
        name = _name_of(written)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise WireError("unknown_schema", "The registry's schema is no Avro record.") from error
    record = {full_name(each): each for each in CATALOGUE.get(topic, ())}.get(name)
    if record is None:
        raise WireError("wrong_topic", f"{topic} carries no {name}.")
    today = schema_for(record)
    same = meaning(written) == meaning(today)
    # Our builders make amounts and moments faster than the library does.
    form = physical if topic in _OURS else _unchanged
    try:
        writer_schema = fastavro.parse_schema(form(written))
    except (SchemaParseException, UnknownType, *_UNREADABLE) as error:
        raise WireError("unknown_schema", f"The schema of {name} is not valid Avro.") from error
    reader_schema = None if same else fastavro.parse_schema(form(today))
    slowly = _reader(writer_schema, reader_schema, _finish(topic, record))
    return _quickly(parser_for(record), slowly) if same and topic in _OURS else slowly


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
            raise WireError("invalid", _first_problem(error)) from error
        except _UNREADABLE as error:
            # The library says EOFError inside a text and IndexError inside a number.
            if isinstance(error, EOFError | IndexError) and source.tell() == len(value):
                raise WireError("truncated", "The value ends inside the record.") from error
            raise WireError("invalid", f"The value is no such record: {error}") from error
        raise WireError("invalid", f"{rest} bytes follow the record.")

    return decode


def _finish(topic: str, record: type[Record]) -> Callable[[dict[str, Any]], Decoded]:
    """Return what makes the object: the quick way for our own, pydantic for what others sent."""
    if topic not in _OURS:
        return record.model_validate
    build = builder_for(record)
    if not issubclass(record, Fact):
        return build

    def build_event(found: dict[str, Any]) -> Event:
        meta = _build_meta(found.pop("meta"))
        return Event(meta, build(found))

    return build_event


def _unchanged(schema: Any) -> Any:
    return schema


def _name_of(schema: Any) -> str:
    name, namespace, _ = schema["name"], schema.get("namespace", ""), schema["fields"]
    return name if "." in name or not namespace else f"{namespace}.{name}"


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the record'}: {first['msg']}"
