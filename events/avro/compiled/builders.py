"""Builders compiled from the classes: the dict an Avro library read in, the object out.

A built record is not validated: it is for what this system wrote itself, where Avro has checked
the types already. What others send goes through pydantic.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from runfold.events.avro.quantities import amount_of, moment_of
from runfold.events.avro.shapes import (
    Amount,
    Array,
    Enumeration,
    Moment,
    Nullable,
    Shape,
    Structure,
    fields_of,
)
from runfold.events.base import Record

Builder = Callable[[dict[str, Any]], Any]


@cache
def builder_for(record: type[Record]) -> Builder:
    """Return the function that makes an object of a dict with exactly the class's own fields.

    Amounts and moments are still as on the wire. The dict becomes the object's; the caller
    gives it away.
    """
    scope: dict[str, Any] = {
        "new": record.__new__,
        "cls": record,
        "put": object.__setattr__,
        "names": set(record.model_fields),
        "amount": amount_of,
        "moment": moment_of,
    }
    lines = []
    for field in fields_of(record):
        made = _made(field.shape, "v", scope)
        if made != "v":
            lines.append(f"v = d[{field.name!r}]; d[{field.name!r}] = {made}")
    lines += [
        "o = new(cls)",
        "put(o, '__dict__', d)",
        "put(o, '__pydantic_fields_set__', names)",
        "put(o, '__pydantic_extra__', None)",
        "put(o, '__pydantic_private__', None)",
        "return o",
    ]
    source = "def build(d):\n " + "\n ".join(lines)
    exec(compile(source, f"<builder of {record.__name__}>", "exec"), scope)  # noqa: S102
    built: Builder = scope["build"]
    return built


def _made(shape: Shape, value: str, scope: dict[str, Any]) -> str:  # noqa: PLR0911 - one a shape
    """Return the expression that makes the shape of ``value``, or ``value`` if it is it already."""
    match shape:
        case Amount():
            return f"amount({value})"
        case Moment(millis):
            return f"moment({value} * 1000)" if millis else f"moment({value})"
        case Enumeration(symbol):
            name = f"k{len(scope)}"
            scope[name] = {member.value: member for member in symbol}
            return f"{name}[{value}]"
        case Structure(record):
            name = f"k{len(scope)}"
            scope[name] = builder_for(record)
            return f"{name}({value})"
        case Nullable(inner):
            made = _made(inner, value, scope)
            return value if made == value else f"(None if {value} is None else {made})"
        case Array(item):
            each = f"i{len(scope)}"
            made = _made(item, each, scope)
            return f"tuple({value})" if made == each else f"tuple([{made} for {each} in {value}])"
        case _:
            return value
