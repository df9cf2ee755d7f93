"""Records to bytes and back: 0x00, the schema's id in four bytes, then Avro.

Any consumer that speaks the Confluent wire format reads it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import fastavro
from fastavro.schema import SchemaParseException
from pydantic import ValidationError

from events import topics
from events.avro.builders import builder_for
from events.avro.registry import SchemaRegistry
from events.avro.schema import full_name, pretty, schema_for, subject
from events.avro.writers import Writer, writer_for
from events.base import Fact, Record
from events.catalogue import CATALOGUE
from events.errors import WireError
from events.journal.event import Event, Meta

_INPUTS = frozenset({topics.REQUESTS, topics.CONTROLS, topics.RESULTS})
# Only the run processor writes these, so what they hold was valid when it was written.
_OURS = frozenset({topics.EVENTS, topics.COMPLETIONS})

# What reading rubbish raises, in fastavro, in decimal and in datetime.
_UNREADABLE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    TypeError,
    ValueError,
    fastavro.read.SchemaResolutionError,
)

_write_meta = writer_for(Meta)
_build_meta = builder_for(Meta)

Decoded = Record | Event


@dataclass(frozen=True, slots=True)
class _Reading:
    """How to read the records of one schema id on one topic."""

    writer_schema: Any
    reader_schema: Any
    finish: Callable[[dict[str, Any]], Decoded]


class Codec:
    """Writes and reads the records of every topic; one registry says which schema has which id."""

    def __init__(self, registry: SchemaRegistry) -> None:
        self._registry = registry
        self._writing: dict[tuple[str, type[Record]], tuple[bytes, Writer]] = {}
        self._reading: dict[tuple[str, bytes], _Reading] = {}

    def encode(self, topic: str, record: Record) -> bytes:
        """Return a record's value on a topic; raises WireError if the topic carries no such record.

        SchemaError says that the registry does not hold its schema.
        """
        if isinstance(record, Fact):
            raise WireError("wrong_topic", "A fact needs its meta: use encode_event.")
        prefix, write = self._writer(topic, type(record))
        return prefix + write(record)

    def encode_event(self, meta: Meta, fact: Fact) -> bytes:
        """Return an event's value on the journal."""
        prefix, write = self._writer(topics.EVENTS, type(fact))
        return b"".join((prefix, _write_meta(meta), write(fact)))

    def encode_completion(self, meta: Meta, fact: Fact) -> bytes:
        """Return a terminal event's value on ``runs.completions``."""
        prefix, write = self._writer(topics.COMPLETIONS, type(fact))
        return b"".join((prefix, _write_meta(meta), write(fact)))

    def decode(self, topic: str, value: bytes | None) -> Decoded:
        """Return what a value says; raises WireError, and nothing else, for what is no record.

        A registry that must be asked and does not answer raises RegistryError: the value may
        be sound, so it is to be read again.
        """
        if value is None or len(value) < 5 or value[0] != 0:
            raise WireError("not_framed", "The value does not begin with 0x00 and a schema id.")
        allowed = topics.MAX_INPUT_BYTES if topic in _INPUTS else topics.MAX_RECORD_BYTES
        if len(value) > allowed:
            raise WireError("oversized", f"{len(value)} bytes; {topic} takes {allowed} at most.")
        prefix = value[:5]
        reading = self._reading.get((topic, prefix)) or self._learn(topic, prefix)
        source = io.BytesIO(value)
        source.seek(5)
        try:
            found: Any = fastavro.schemaless_reader(
                source, reading.writer_schema, reading.reader_schema
            )
            rest = len(value) - source.tell()
            if rest == 0:
                return reading.finish(found)
        except EOFError as error:
            raise WireError("truncated", "The value ends inside the record.") from error
        except ValidationError as error:
            raise WireError("invalid", _first_problem(error)) from error
        except _UNREADABLE as error:
            raise WireError("invalid", f"The value is no such record: {error}") from error
        raise WireError("invalid", f"{rest} bytes follow the record.")

    def _writer(self, topic: str, record: type[Record]) -> tuple[bytes, Writer]:
        known = self._writing.get((topic, record))
        if known is None:
            if record not in CATALOGUE.get(topic, ()):
                raise WireError("wrong_topic", f"{topic} carries no {record.__name__}.")
            schema_id = self._registry.id_of(subject(topic, record), _schema_text(record))
            known = (b"\0" + schema_id.to_bytes(4, "big"), writer_for(record))
            self._writing[topic, record] = known
        return known

    def _learn(self, topic: str, prefix: bytes) -> _Reading:
        schema_id = int.from_bytes(prefix[1:], "big")
        written = json.loads(self._registry.schema_of(schema_id))
        name = _name_of(written)
        carried = {full_name(record): record for record in CATALOGUE.get(topic, ())}
        record = carried.get(name)
        if record is None:
            raise WireError("wrong_topic", f"{topic} carries no {name} (schema id {schema_id}).")
        try:
            writer_schema = fastavro.parse_schema(written)
        except (SchemaParseException, fastavro.schema.UnknownType, *_UNREADABLE) as error:
            raise WireError("unknown_schema", f"Schema {schema_id} is no Avro schema.") from error
        reader_schema = fastavro.parse_schema(schema_for(record))
        same = fastavro.schema.to_parsing_canonical_form(
            writer_schema
        ) == fastavro.schema.to_parsing_canonical_form(reader_schema)
        reading = _Reading(writer_schema, None if same else reader_schema, _finish(topic, record))
        self._reading[topic, prefix] = reading
        return reading


@cache
def _schema_text(record: type[Record]) -> str:
    return pretty(schema_for(record))


def _name_of(schema: object) -> str:
    if not isinstance(schema, dict):
        return str(schema)
    name, namespace = str(schema.get("name")), schema.get("namespace")
    return name if "." in name or not namespace else f"{namespace}.{name}"


def _finish(topic: str, record: type[Record]) -> Callable[[dict[str, Any]], Decoded]:
    """Return what makes the object: by the quick way for our own, by pydantic for others'."""
    if issubclass(record, Fact):
        build = builder_for(record)

        def finish_event(found: dict[str, Any]) -> Event:
            meta = _build_meta(found.pop("meta"))
            return Event(meta, build(found))

        return finish_event
    return builder_for(record) if topic in _OURS else record.model_validate


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the record'}: {first['msg']}"
