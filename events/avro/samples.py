"""One sample of each record, always the same: what the golden bytes are made of."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from runfold.events.avro.shapes import (
    Amount,
    Array,
    Enumeration,
    Moment,
    Nullable,
    Primitive,
    Shape,
    Structure,
    fields_of,
)
from runfold.events.base import Record, money


def sample(record: type[Record]) -> Record:
    """Return a record with every field filled and every array of one element."""
    return record(**{field.name: _value(field.shape, field.name) for field in fields_of(record)})


def _value(shape: Shape, name: str) -> Any:  # noqa: PLR0911 - one a shape
    match shape:
        case Primitive(kind):
            return {
                "string": f"{name} ü",
                "bytes": name.encode(),
                "long": len(name) * 1_000_003,
                "double": len(name) / 8,
                "boolean": True,
            }[kind]
        case Amount():
            return money(Decimal(len(name)) / 1000)
        case Moment(millis):
            return datetime(2026, 1, 2, 3, 4, 5, 678_000 if millis else 678_901, tzinfo=UTC)
        case Enumeration(symbol):
            return list(symbol)[-1]
        case Structure(record):
            return sample(record)
        case Nullable(inner):
            return _value(inner, name)
        case Array(item):
            return (_value(item, name),)
