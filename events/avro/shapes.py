"""The closed set of types that a record may hold, read off the classes."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic_core import PydanticUndefined

from runfold.events.base import Fact, Millis, Money, Record, Said, SaidBytes, Symbol, Timestamp
from runfold.events.errors import SchemaError
from runfold.events.run.event import Event, Meta


@dataclass(frozen=True, slots=True)
class Primitive:
    """An Avro primitive by its name; one that is ``said`` holds contents (``base.Said``)."""

    name: str
    said: bool = False


@dataclass(frozen=True, slots=True)
class Amount:
    """Money: decimal(38, 12) in bytes."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A time: microseconds since the epoch, or whole milliseconds."""

    millis: bool = False


@dataclass(frozen=True, slots=True)
class Enumeration:
    """An enum by its class."""

    symbol: type[Symbol]


@dataclass(frozen=True, slots=True)
class Structure:
    """A nested record by its class."""

    record: type[Record]


@dataclass(frozen=True, slots=True)
class Nullable:
    """Null or one other shape."""

    inner: Shape


@dataclass(frozen=True, slots=True)
class Array:
    """Any number of one shape."""

    item: Shape


Shape = Primitive | Amount | Moment | Enumeration | Structure | Nullable | Array

REQUIRED: object = PydanticUndefined
"""The default of a field that has none."""

_PRIMITIVES = {
    str: Primitive("string"),
    int: Primitive("long"),
    float: Primitive("double"),
    bool: Primitive("boolean"),
    bytes: Primitive("bytes"),
}


@dataclass(frozen=True, slots=True)
class FieldShape:
    """One field: its name, its shape, and its default or ``REQUIRED``."""

    name: str
    shape: Shape
    default: object


@cache
def fields_of(record: type[Record]) -> tuple[FieldShape, ...]:
    """Return the fields of a class in their order; raises SchemaError naming class and field."""
    hints = typing.get_type_hints(record, include_extras=True)
    shaped = []
    for name, info in record.model_fields.items():
        where = f"{record.__name__}.{name}"
        if info.default_factory is not None:
            raise SchemaError(f"{where} makes its default at run time: write the value instead.")
        shaped.append(FieldShape(name, _shape(hints[name], where), info.default))
    return tuple(shaped)


def wire_fields_of(record: type[Record]) -> tuple[FieldShape, ...]:
    """Return the fields as they are on the wire: a fact's own come after the event's ``meta``."""
    if issubclass(record, Fact):
        return (FieldShape("meta", Structure(meta_of(record)), REQUIRED), *fields_of(record))
    return fields_of(record)


def meta_of(fact: type[Fact]) -> type[Record]:
    """Return the class of the meta that precedes a fact on the wire."""
    return fact.META or Meta


def event_of(fact: type[Fact]) -> type[Any]:
    """Return the class of a fact with its meta."""
    return fact.EVENT or Event


def _shape(hint: object, where: str) -> Shape:  # noqa: PLR0911 - a line each
    if hint == Money:
        return Amount()
    if hint == Timestamp:
        return Moment()
    if hint == Millis:
        return Moment(millis=True)
    if hint == Said:
        return Primitive("string", said=True)
    if hint == SaidBytes:
        return Primitive("bytes", said=True)
    if isinstance(hint, type) and hint in _PRIMITIVES:
        return _PRIMITIVES[hint]
    if isinstance(hint, type) and issubclass(hint, Symbol):
        return _enumeration(hint, where)
    # A generic alias such as tuple[str, ...] passes for a type where only isinstance is asked.
    if typing.get_origin(hint) is None and isinstance(hint, type) and issubclass(hint, Record):
        return Structure(hint)
    return _composite(hint, where)


def _composite(hint: object, where: str) -> Shape:
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        others = [argument for argument in arguments if argument is not types.NoneType]
        if len(others) == 1 and len(arguments) == 2:
            return Nullable(_shape(others[0], where))
    if typing.get_origin(hint) is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return Array(_shape(arguments[0], where))
    raise SchemaError(
        f"{where} has the type {hint}, which has no place on the wire: use str, int, float, bool, "
        "bytes, Money, Timestamp, a Symbol, a Record, one of these or None, or tuple[one, ...]."
    )


def _enumeration(symbol: type[Symbol], where: str) -> Enumeration:
    if next(iter(symbol), "") != "unknown":
        raise SchemaError(
            f"{where}: {symbol.__name__} must begin with UNKNOWN = 'unknown', "
            "which is what an old reader sees of a new symbol."
        )
    return Enumeration(symbol)
