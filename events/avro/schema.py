"""Avro schemas made from the classes."""

from __future__ import annotations

import inspect
import json
from decimal import Decimal
from functools import lru_cache
from typing import Any

from runfold.events.avro.quantities import amount_bytes
from runfold.events.avro.shapes import (
    REQUIRED,
    Amount,
    Array,
    Enumeration,
    FieldShape,
    Moment,
    Nullable,
    Primitive,
    Shape,
    Structure,
    fields_of,
    wire_fields_of,
)
from runfold.events.base import MONEY_PRECISION, MONEY_SCALE, Record, Symbol
from runfold.events.errors import SchemaError
from runfold.events.topics import OF_ONE_SCHEMA

NAMESPACE = "runfold"

_DECIMAL = {"logicalType": "decimal", "precision": MONEY_PRECISION, "scale": MONEY_SCALE}

Json = Any
"""A JSON value; a schema is one."""


def subject(topic: str, record: type[Record]) -> str:
    """Return the registry's subject: topic and full record name, so a topic may carry many.

    Of a topic of one schema it is `TOPIC-value`, which is where tools look for a topic's schema.
    """
    if topic in OF_ONE_SCHEMA:
        return f"{topic}-value"
    return f"{topic}-{full_name(record)}"


def full_name(record: type[Record]) -> str:
    """Return the record's name on the wire; it never changes once released."""
    return f"{NAMESPACE}.{record.__name__}"


def full_name_in(schema: Any) -> str:
    """Return the name that a record's schema gives it, with its namespace.

    Raises AttributeError, LookupError or TypeError for what is no schema of a record.
    """
    name, namespace, _ = schema["name"], schema.get("namespace", ""), schema["fields"]
    return name if "." in name or not namespace else f"{namespace}.{name}"


def schema_for(record: type[Record]) -> Json:
    """Return the Avro schema of a class; raises SchemaError for what the wire has no form for."""
    return _Generator().record(record, wire_fields_of(record))


def pretty(schema: Json) -> str:
    """Return the text that is committed: JSON, two spaces, one line feed at the end."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def meaning(schema: Json) -> str:
    """Return what a schema says without its documentation: equal means the same on the wire."""
    return json.dumps(_without(schema, {"doc"}), sort_keys=True)


# Whoever looks for an id compares the same few texts again and again.
@lru_cache(maxsize=1024)
def meaning_of(text: str) -> str:
    """Return the ``meaning`` of a schema's text; raises ValueError for what is not JSON."""
    return meaning(json.loads(text))


def physical(schema: Json) -> Json:
    """Return a schema whose amounts and moments are the bytes and longs that they are made of."""
    return _without(schema, {"logicalType", "precision", "scale"})


def _without(schema: Json, keys: set[str]) -> Json:
    if isinstance(schema, list):
        return [_without(part, keys) for part in schema]
    if not isinstance(schema, dict):
        return schema
    # A field's default is a value, not a schema; it may hold a key of any name.
    return {
        key: value if key == "default" else _without(value, keys)
        for key, value in schema.items()
        if key not in keys
    }


class _Generator:
    """One schema: a named type is written out where it first stands and named afterwards."""

    def __init__(self) -> None:
        self._named: dict[str, type] = {}

    def record(self, record: type[Record], fields: tuple[FieldShape, ...]) -> Json:
        if self._is_known(record):
            return full_name(record)
        return {
            "type": "record",
            "name": record.__name__,
            "namespace": NAMESPACE,
            "doc": _doc(record),
            "fields": [self._field(record, field) for field in fields],
        }

    def _is_known(self, named: type) -> bool:
        known = self._named.get(named.__name__)
        if known not in {None, named}:
            raise SchemaError(
                f"Two classes are called {named.__name__}, in {known.__module__} and "
                f"{named.__module__}: a name means one thing on the wire."
            )
        self._named[named.__name__] = named
        return known is not None

    def _field(self, record: type[Record], field: FieldShape) -> Json:
        written = {"name": field.name, "type": self._type(field.shape)}
        if field.default is not REQUIRED:
            where = f"{record.__name__}.{field.name}"
            written["default"] = _default(field.shape, field.default, where)
        return written

    def _type(self, shape: Shape) -> Json:  # noqa: PLR0911 - one a shape
        match shape:
            case Primitive(name):
                return name
            case Amount():
                return {"type": "bytes", **_DECIMAL}
            case Moment(millis):
                unit = "millis" if millis else "micros"
                return {"type": "long", "logicalType": f"timestamp-{unit}"}
            case Nullable(inner):
                return ["null", self._type(inner)]
            case Array(item):
                return {"type": "array", "items": self._type(item)}
            case Enumeration(symbol):
                return self._enum(symbol)
            case Structure(record):
                return self.record(record, fields_of(record))

    def _enum(self, symbol: type[Symbol]) -> Json:
        if self._is_known(symbol):
            return f"{NAMESPACE}.{symbol.__name__}"
        symbols = [member.value for member in symbol]
        return {
            "type": "enum",
            "name": symbol.__name__,
            "namespace": NAMESPACE,
            "doc": _doc(symbol),
            "symbols": symbols,
            "default": symbols[0],
        }


def _default(shape: Shape, value: object, where: str) -> Json:
    match shape, value:
        case Nullable(), None:
            return None
        case Array(), ():
            return []
        case Enumeration(), Symbol():
            return value.value
        case Amount(), Decimal():
            # Avro writes the default of bytes as text, one character a byte.
            return amount_bytes(value).decode("latin-1")
        case Primitive(name), str() | bool() | int() | float() if name != "bytes":
            return value
    raise SchemaError(
        f"{where} has the default {value!r}: a default on the wire is None, (), an enum's "
        "symbol, an amount, or a plain text, number or truth value."
    )


def _doc(named: type) -> str:
    return " ".join((inspect.getdoc(named) or "").split())
