"""Parsers compiled from the classes: Avro bytes in, object out, for values of today's schema.

For each record the source of one function is generated and compiled once, straight through all its
fields. It only knows what is right: whatever else it meets, it raises, and the library is to say
what is wrong. A parsed record is not validated: it is for what this system wrote itself.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import datetime
from functools import cache, lru_cache
from itertools import count
from typing import Any

from pydantic import BaseModel

from runfold.events.avro.quantities import amount_of, moment_of
from runfold.events.avro.shapes import (
    Amount,
    Array,
    Enumeration,
    FieldShape,
    Moment,
    Nullable,
    Primitive,
    Shape,
    Structure,
    event_of,
    fields_of,
    wire_fields_of,
)
from runfold.events.base import Fact, Record

Parser = Callable[[bytes], Any]

NOT_PARSED = (ArithmeticError, LookupError, TypeError, ValueError, struct.error)
"""What a parser raises for a value that is not exactly what it was made for."""

_HEAD = 5
_LONG = 128
"""The first byte of a number that takes more than one."""

_MOMENT = 8
"""The bytes of a moment of this century."""

# By first byte: the size it says; -1 where more bytes say it, beyond any value where it is none.
_SIZES = tuple(
    -1 if byte >= _LONG else byte >> 1 if byte % 2 == 0 else 1 << 62 for byte in range(256)
)
_NUMBERS = tuple((byte >> 1) ^ -(byte & 1) for byte in range(_LONG))


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Return the Avro long at a place and the place after it."""
    first = at
    byte = data[at]
    raw, shift = byte & 127, 7
    while byte >= _LONG:
        at += 1
        byte = data[at]
        raw |= (byte & 127) << shift
        shift += 7
    if raw >= 1 << 64 or at - first > 9:
        raise ValueError("no long of 64 bits")
    return (raw >> 1) ^ -(raw & 1), at + 1


def _size(data: bytes, at: int) -> tuple[int, int]:
    number, at = _number(data, at)
    if number < 0:
        raise ValueError("a size below zero")
    return number, at


def _moment(data: bytes) -> datetime:
    micros, size = _number(data, 0)
    if size != _MOMENT:
        raise ValueError("no moment of our time")
    return moment_of(micros)


def _millis(number: int) -> datetime:
    return moment_of(number * 1000)


@cache
def parser_for(record: type[Record]) -> Parser:
    """Return the function that makes an object of a framed value, an ``Event`` of a fact's.

    It raises one of ``NOT_PARSED`` for every value that is not exactly one such record.
    """
    return _Compiler().compile(record)


class _Compiler:
    """One parser's source: lines in order, names numbered so that they never collide."""

    def __init__(self) -> None:
        self._numbers = count()
        self._lines: list[str] = []
        self._depth = 1
        # Few different amounts and moments follow each other: the same are made once.
        self._scope: dict[str, Any] = {
            "sizes": _SIZES,
            "numbers": _NUMBERS,
            "number": _number,
            "size": _size,
            "amount": lru_cache(1024)(amount_of),
            "moment": lru_cache(1024)(_moment),
            "millis": _millis,
            "double": struct.Struct("<d").unpack_from,
            "new": object.__new__,
            "put": _setter(BaseModel, "__dict__"),
            "put_extra": _setter(BaseModel, "__pydantic_extra__"),
            "put_private": _setter(BaseModel, "__pydantic_private__"),
            "put_names": _setter(BaseModel, "__pydantic_fields_set__"),
        }

    def compile(self, record: type[Record]) -> Parser:
        """Return the function for a value of this class."""
        self._line(f"i = {_HEAD}")
        if issubclass(record, Fact):
            event = event_of(record)
            self._scope["event"] = event
            self._scope["put_meta"] = _setter(event, "meta")
            self._scope["put_fact"] = _setter(event, "fact")
            meta, *own = wire_fields_of(record)
            self._read(meta.shape, "meta")
            self._record(record, tuple(own), "fact")
            self._line("result = new(event); put_meta(result, meta); put_fact(result, fact)")
        else:
            self._record(record, fields_of(record), "result")
        self._line("if i != len(b): raise ValueError('the value does not end with the record')")
        self._line("return result")
        # Its helpers are bound as arguments: what is local is found sooner.
        helpers = "".join(f", {name}={name}" for name in self._scope)
        source = f"def parse(b{helpers}):\n" + "\n".join(self._lines)
        exec(compile(source, f"<parser of {record.__name__}>", "exec"), self._scope)  # noqa: S102
        parser: Parser = self._scope["parse"]
        return parser

    def _line(self, text: str) -> None:
        self._lines.append(" " * self._depth + text)

    def _block(self, head: str, body: Callable[[], None]) -> None:
        self._line(head)
        self._depth += 1
        body()
        self._depth -= 1

    def _name(self) -> str:
        return f"v{next(self._numbers)}"

    def _bound(self, thing: object) -> str:
        name = f"k{next(self._numbers)}"
        self._scope[name] = thing
        return name

    def _record(self, record: type[Record], fields: tuple[FieldShape, ...], into: str) -> None:
        held = []
        for field in fields:
            name = self._name()
            self._read(field.shape, name)
            held.append(f"{field.name!r}: {name}")
        names = self._bound(set(record.model_fields))
        self._line(f"{into} = new({self._bound(record)})")
        self._line(f"put({into}, {{{', '.join(held)}}}); put_names({into}, {names})")
        self._line(f"put_extra({into}, None); put_private({into}, None)")

    def _read(self, shape: Shape, into: str) -> None:
        """Add the lines that read a shape at ``i`` into a name and move ``i`` behind it."""
        match shape:
            case Primitive(name):
                self._primitive(name, into)
            case Amount():
                self._sized(into, "amount(b[i:e])")
            case Moment(millis=True):
                self._line(f"{into}, i = number(b, i); {into} = millis({into})")
            case Moment():
                self._line(f"{into} = moment(b[i:i + {_MOMENT}]); i += {_MOMENT}")
            case Enumeration(symbol):
                members = {index * 2: member for index, member in enumerate(symbol)}
                assert len(members) < _LONG // 2, f"{symbol.__name__} has too many symbols"
                self._line(f"{into} = {self._bound(members)}[b[i]]; i += 1")
            case Structure(record):
                self._record(record, fields_of(record), into)
            case Nullable(inner):
                self._line("u = b[i]; i += 1")
                self._line(f"if u == 0: {into} = None")
                self._block("elif u == 2:", lambda: self._read(inner, into))
                self._line("else: raise ValueError('no such branch')")
            case Array(item):
                self._array(item, into)

    def _primitive(self, name: str, into: str) -> None:
        match name:
            case "string":
                self._sized(into, "b[i:e].decode()")
            case "bytes":
                self._sized(into, "b[i:e]")
            case "long":
                self._long(into)
            case "double":
                self._line(f"({into},) = double(b, i); i += 8")
            case _:
                self._line(f"{into} = b[i] != 0; i += 1")

    def _sized(self, into: str, made: str) -> None:
        self._line("n = sizes[b[i]]; i += 1")
        # Sizes of two bytes are spelled out, because texts are often that long.
        self._line("if n < 0:")
        self._line(f" if b[i] < {_LONG} and not b[i - 1] & 1:")
        self._line("  n = b[i] << 6 | (b[i - 1] & 127) >> 1; i += 1")
        self._line(" else: n, i = size(b, i - 1)")
        self._line(f"e = i + n; {into} = {made}; i = e")

    def _long(self, into: str) -> None:
        self._line("n = b[i]")
        self._line(f"if n < {_LONG}: {into} = numbers[n]; i += 1")
        self._line(f"elif b[i + 1] < {_LONG}:")
        self._line(f" n = n & 127 | b[i + 1] << 7; {into} = n >> 1 ^ -(n & 1); i += 2")
        self._line(f"else: {into}, i = number(b, i)")

    def _array(self, item: Shape, into: str) -> None:
        left, one, items = self._name(), self._name(), self._name()

        def block() -> None:
            self._block(f"for _ in range({left}):", one_item)
            self._long(left)

        def one_item() -> None:
            self._read(item, one)
            self._line(f"{items}.append({one})")

        self._long(left)
        self._line(f"{into} = ()")
        self._line(f"{items} = []")
        # A negative number of items says how many bytes they take as well; we never write that.
        self._block(f"while {left} > 0:", block)
        self._line(f"if {left}: raise ValueError('a sized block')")
        self._line(f"{into} = tuple({items})")


def _setter(owner: type, slot: str) -> Callable[[Any, Any], None]:
    """Return what sets a slot of frozen objects, without the search for its name."""
    setter: Callable[[Any, Any], None] = owner.__dict__[slot].__set__
    return setter
