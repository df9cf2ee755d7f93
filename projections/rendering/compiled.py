"""JSON writers compiled from the classes: a record in, JSON text out.

The source of one function is generated for each class and compiled once: the names of the fields
stand in it as they will be written, so that only the values are left to be done.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from itertools import count
from json.encoder import encode_basestring
from typing import Any

from runfold.events.avro.shapes import (
    Amount,
    Array,
    Moment,
    Nullable,
    Primitive,
    Shape,
    Structure,
    fields_of,
)
from runfold.events.base import Record

Writer = Callable[[Any], str]

_REMEMBERED = 100

quoted = encode_basestring
"""A text as JSON, without any escape that JSON does not ask for."""


class Rendering:
    """Compiled writers; ``special`` classes are written by functions of their own.

    Records of the classes in ``often`` are written several times, one soon after the other.
    """

    def __init__(
        self, special: Mapping[type[Record], Writer], often: Collection[type[Record]] = ()
    ) -> None:
        self._known: dict[type[Record], Writer] = dict(special)
        self._often = often

    def writer_of(self, record: type[Record]) -> Writer:
        """Return the function that writes records of one class.

        Hashes are in hexadecimal, money and moments are text, what is None is left out.
        """
        known = self._known.get(record)
        if known is None:
            known = _Compiler(self.writer_of).compile(record)
            if record in self._often:
                known = _remembering(known)
            self._known[record] = known
        return known


def _remembering(write: Writer) -> Writer:
    """Return a writer that knows again what it wrote a moment ago."""
    recent: dict[int, tuple[Record, str]] = {}

    def write_or_remember(record: Record) -> str:
        found = recent.get(id(record))
        # An id alone may belong to another object by now.
        if found is not None and found[0] is record:
            return found[1]
        text = write(record)
        if len(recent) >= _REMEMBERED:
            recent.clear()
        recent[id(record)] = record, text
        return text

    return write_or_remember


class _Compiler:
    def __init__(self, writer_of: Callable[[type[Record]], Writer]) -> None:
        self._writer_of = writer_of
        self._numbers = count()
        self._scope: dict[str, Any] = {
            "join": "".join,
            "q": quoted,
            # The same few moments stand in many records.
            "moment": lru_cache(1024)(lambda value: f'"{value.isoformat()}"'),
        }

    def compile(self, record: type[Record]) -> Writer:
        parts = []
        for number, field in enumerate(fields_of(record)):
            comma = "," if number else ""
            parts += self._field(f"{comma}{quoted(field.name)}:", field.shape, field.name)
        if not parts:
            return lambda _: "{}"
        helpers = "".join(f", {name}={name}" for name in self._scope)
        body = f"join(({', '.join(parts)},))"
        # Where the first field may be absent, nobody knows beforehand which comma is one too many.
        starts = not isinstance(fields_of(record)[0].shape, Nullable)
        whole = f"'{{' + {body} + '}}'" if starts else f"'{{' + {body}.removeprefix(',') + '}}'"
        source = f"def write(r{helpers}):\n d = r.__dict__\n return {whole}\n"
        exec(compile(source, f"<JSON of {record.__name__}>", "exec"), self._scope)  # noqa: S102
        written: Writer = self._scope["write"]
        return written

    def _field(self, prefix: str, shape: Shape, name: str) -> list[str]:
        value = f'd["{name}"]'
        if not isinstance(shape, Nullable):
            return [repr(prefix), self._expression(shape, value)]
        held = self._name()
        present = self._expression(shape.inner, held)
        return [f"('' if ({held} := {value}) is None else {prefix!r} + {present})"]

    def _name(self) -> str:
        return f"v{next(self._numbers)}"

    def _bound(self, thing: object) -> str:
        name = f"k{next(self._numbers)}"
        self._scope[name] = thing
        return name

    def _expression(self, shape: Shape, value: str) -> str:  # noqa: PLR0911 - one a shape
        match shape:
            case Primitive("long" | "double"):
                return f"repr({value})"
            case Primitive("boolean"):
                return f"('true' if {value} else 'false')"
            case Primitive("bytes"):
                return f"f'\"{{{value}.hex()}}\"'"
            case Amount():
                return f"f'\"{{{value}:f}}\"'"
            case Moment():
                return f"moment({value})"
            case Structure(record):
                return f"{self._bound(self._writer_of(record))}({value})"
            case Array(item):
                each = self._name()
                one = self._expression(item, each)
                return f"'[' + ','.join([{one} for {each} in {value}]) + ']'"
            case _:
                return f"q({value})"
