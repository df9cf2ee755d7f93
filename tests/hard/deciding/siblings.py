"""Siblings of a record: some of its fields, at any depth, are as nobody would send them."""

from __future__ import annotations

import random
from collections.abc import Callable
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
from runfold.events.base import Record
from runfold.events.contents.content import Content, content, text

HALF = "\ud83d"

TEXTS = (
    "", " ", "\0", "a\0b", HALF, f"x{HALF}y", "x" * 300, "x" * 20_000, "ü" * 2_000, "\u202eevil",
    "\x1b[2J", "..", "../../etc/passwd", "None", "0", "{{ goal }}", "\U0001d54f" * 500,
    "\ufeff", "a/b\\c", "1e400", "'; --", "\r\n", "python:os:system", "*", "scripted:crash",
)  # fmt: skip
NUMBERS = (0, 1, -1, 2**31, -(2**31), 2**53, 2**63 - 1, -(2**63), 10**9)
BEYOND = (2**63, -(2**63) - 1, 2**70)
AMOUNTS = (Decimal(0), Decimal(-1), Decimal("1e-12"), Decimal("9" * 26), Decimal("0.1"))
BEYOND_MONEY = (Decimal(10) ** 30, Decimal("NaN"), Decimal("Infinity"), Decimal("1e-30"))
MOMENTS = (
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
)
BODIES = (
    b"", b"null", b"{", b"[" * 5_000, b'{"a":' * 2_000, b"\xff\xfe", b"\0", b'{"x":1e400}',
    b'"\\ud83d"', b"1" * 6_000, b'{"a":1,"a":2}', b"NaN", b"x" * 200_000, b'{"artifact":"x"}',
    b'{"artifact":"\\ud83d"}', b"\xef\xbb\xbf{}",
)  # fmt: skip


def sibling(record: Any, pick: random.Random, *, beyond: bool) -> Any:
    """Return the record with one to three fields changed.

    With ``beyond`` also to what no record can be written with: a result is an object of ours.
    """
    for _ in range(pick.randint(1, 3)):
        record = _changed(record, pick, beyond)
    return record


def _changed(record: Record, pick: random.Random, beyond: bool) -> Record:
    if isinstance(record, Content) and pick.random() < 0.7:
        return _content(record, pick)
    field = pick.choice(fields_of(type(record)))
    old = getattr(record, field.name)
    new = _value(field.shape, old, pick, beyond)
    return record.model_copy(update={field.name: new})


def _value(shape: Shape, old: Any, pick: random.Random, beyond: bool) -> Any:  # noqa: PLR0911
    def again(inner: Shape) -> Any:
        return _value(inner, None, pick, beyond)

    match shape:
        case Primitive(name):
            return _primitive(name, pick, beyond)
        case Amount():
            return pick.choice(AMOUNTS + (BEYOND_MONEY if beyond else ()))
        case Moment():
            return pick.choice(MOMENTS)
        case Enumeration(symbol):
            return pick.choice(list(symbol))
        case Structure(record):
            return _changed(old if old is not None else _made(record, pick, beyond), pick, beyond)
        case Nullable(inner):
            return None if pick.random() < 0.3 else _value(inner, old, pick, beyond)
        case Array(item):
            count = pick.choice((0, 1, 2, 3, 300))
            made = [again(item) for _ in range(min(count, 3))]
            return tuple(made if count < 300 else [made[0]] * 300)
    raise AssertionError(f"a shape that is not known: {shape}")


def _primitive(name: str, pick: random.Random, beyond: bool) -> Any:
    numbers = NUMBERS + (BEYOND if beyond else ())
    values: dict[str, Callable[[], Any]] = {
        "string": lambda: pick.choice(TEXTS),
        "bytes": lambda: pick.choice(BODIES),
        "long": lambda: pick.choice(numbers),
        "double": lambda: pick.choice((0.0, -1.5, 1e308)),
        "boolean": lambda: pick.random() < 0.5,
    }
    return values[name]()


def _made(record: type[Record], pick: random.Random, beyond: bool) -> Any:
    """Return a record of a class of which there was none."""
    if record is Content:
        return text("x")
    values = {each.name: _value(each.shape, None, pick, beyond) for each in fields_of(record)}
    return record.model_construct(**values)


def _content(old: Content, pick: random.Random) -> Content:
    """Mostly a sound content of odd bytes; else one that lies about itself."""
    made = content(pick.choice(BODIES), pick.choice((old.media_type, "application/json", "x/y")))
    changes: dict[str, Any] = pick.choice(
        (
            {}, {}, {}, {},
            {"size": 2**62}, {"size": 0}, {"digest": b""}, {"digest": b"x" * 32},
            {"inline": None, "ref": "nowhere"}, {"inline": None, "ref": None}, {"ref": "also"},
        )
    )  # fmt: skip
    return made.model_copy(update=changes)
