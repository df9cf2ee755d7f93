"""The border: what comes from outside is made fit for the log, or refused with the reason.

``cleaned`` is for results, which must be on record whatever they hold: half characters and NULs
are replaced, texts cut, numbers brought into range, digests set right. ``fault_of`` is for what
somebody asked for, who can be told: it says what is wrong and changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple, TypeVar

from runfold.events.avro.shapes import (
    Amount,
    Array,
    Nullable,
    Primitive,
    Shape,
    Structure,
    fields_of,
)
from runfold.events.base import MONEY_PRECISION, MONEY_SCALE, Record, money
from runfold.events.contents.content import Content
from runfold.events.lengths import MOST_ITEMS, longest

R = TypeVar("R", bound=Record)

MOST = 2**63 - 1
LEAST = -(2**63)
# Written out: arithmetic would round it to the 28 digits of the default context.
_MOST_MONEY = Decimal("9" * (MONEY_PRECISION - MONEY_SCALE) + "." + "9" * MONEY_SCALE)
_LEAST_MONEY = _MOST_MONEY.copy_negate()
_SIGNED = frozenset({"offset", "partition", "priority"})
"""Numbers that may be below zero."""

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_CUT = "…"


class Fault(NamedTuple):
    """What is wrong with a field: a code for programs, and a sentence."""

    code: str
    reason: str


def text_of(value: str) -> str:
    """Return a text without half characters and NULs, which no record and no table can hold."""
    if value.isascii():
        return value.replace("\0", _REPLACEMENT) if "\0" in value else value
    # Two halves that belong together are one character; a half alone is none.
    whole = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.replace("\0", _REPLACEMENT)


def number_of(value: int) -> int:
    """Return a number that 64 bits can hold: the nearest."""
    return max(LEAST, min(MOST, value))


def amount_of(value: Decimal) -> Decimal:
    """Return an amount that the wire can hold: the nearest, zero for what is not a number."""
    if not value.is_finite():
        return Decimal(0)
    return money(max(_LEAST_MONEY, min(_MOST_MONEY, value)))


def moment_of(milliseconds: float) -> datetime:
    """Return a time stamp of the log as a time; the epoch where its producer wrote no time."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def json_value(value: Any) -> Any:
    """Return a value of JSON whose texts are clean: an escape can hide half a character in it."""
    match value:
        case str():
            return text_of(value)
        case list():
            return [json_value(item) for item in value]
        case dict():
            return {text_of(name): json_value(item) for name, item in value.items()}
        case _:
            return value


def cleaned(record: R) -> R:
    """Return the record as the log can hold it; the very same where nothing is wrong."""
    changes = {
        name: new
        for name, clean, _ in _checks_of(type(record))
        if (new := clean(old := getattr(record, name))) is not old
    }
    if isinstance(record, Content):
        changes |= _content_changes(record)
    return record.model_copy(update=changes) if changes else record


def carried_bytes(record: Record) -> int:
    """Return how many bytes of contents a record carries itself."""
    if isinstance(record, Content):
        return len(record.inline or b"")
    return sum(_carried(getattr(record, each.name)) for each in fields_of(type(record)))


def _carried(value: object) -> int:
    if isinstance(value, Record):
        return carried_bytes(value)
    return sum(map(_carried, value)) if isinstance(value, tuple) else 0


def fault_of(record: Record) -> Fault | None:
    """Return the first thing for which the log cannot hold a record, None where it can."""
    for name, _, judge in _checks_of(type(record)):
        if (fault := judge(getattr(record, name))) is not None:
            return fault._replace(reason=f"{name}{fault.reason}")
    return _content_fault(record) if isinstance(record, Content) else None


_Clean = Callable[[Any], Any]
_Judge = Callable[[Any], Fault | None]


@cache
def _checks_of(record: type[Record]) -> tuple[tuple[str, _Clean, _Judge], ...]:
    found = [(each.name, _checks(each.shape, each.name)) for each in fields_of(record)]
    return tuple([(name, *checks) for name, checks in found if checks is not None])


def _checks(shape: Shape, field: str) -> tuple[_Clean, _Judge] | None:  # noqa: PLR0911 - a line each
    match shape:
        case Primitive("string"):
            most = longest(field)
            return (lambda value: _cut(value, most)), (lambda value: _text_fault(value, most))
        case Primitive("long"):
            return (_number, _number_fault) if field in _SIGNED else (_count, _count_fault)
        case Amount():
            return _amount, _amount_fault
        case Structure():
            return cleaned, _inner_fault
        case Nullable(inner):
            return _nullable(_checks(inner, field))
        case Array(item):
            return _array(_checks(item, field))
        case _:
            return None


def _cut(value: str, most: int) -> str:
    if len(value) <= most and value.isascii() and "\0" not in value:
        return value
    clean = text_of(value)
    clean = clean if len(clean) <= most else clean[: most - 1] + _CUT
    # The same object says that nothing was changed.
    return value if clean == value else clean


def _text_fault(value: str, most: int) -> Fault | None:
    if len(value) > most:
        return Fault("too_long", f" takes {len(value)} characters, {most} may be")
    if text_of(value) != value:
        return Fault("invalid_text", " holds half a character or a NUL, which is not text")
    return None


def _number(value: int) -> int:
    return value if LEAST <= value <= MOST else number_of(value)


def _count(value: int) -> int:
    """Return a number that counts something: nobody uses less than nothing."""
    return value if 0 <= value <= MOST else max(0, number_of(value))


def _number_fault(value: int) -> Fault | None:
    return None if LEAST <= value <= MOST else Fault("out_of_range", " does not fit into 64 bits")


def _count_fault(value: int) -> Fault | None:
    return Fault("out_of_range", " is below zero") if value < 0 else _number_fault(value)


def _amount(value: Decimal) -> Decimal:
    fits = value.is_finite() and _LEAST_MONEY <= value <= _MOST_MONEY
    exponent = value.as_tuple().exponent
    exact = isinstance(exponent, int) and exponent >= -MONEY_SCALE
    return value if fits and exact and value >= 0 else max(Decimal(0), amount_of(value))


def _amount_fault(value: Decimal) -> Fault | None:
    fits = value.is_finite() and _LEAST_MONEY <= value <= _MOST_MONEY
    return None if fits else Fault("out_of_range", " is not an amount of money")


def _inner_fault(value: Record) -> Fault | None:
    fault = fault_of(value)
    return fault and fault._replace(reason=f".{fault.reason.removeprefix('.')}")


def _nullable(checks: tuple[_Clean, _Judge] | None) -> tuple[_Clean, _Judge] | None:
    if checks is None:
        return None
    clean, judge = checks
    return (
        lambda value: None if value is None else clean(value),
        lambda value: None if value is None else judge(value),
    )


def _array(checks: tuple[_Clean, _Judge] | None) -> tuple[_Clean, _Judge]:
    clean, judge = checks or (lambda value: value, lambda _value: None)

    def all_clean(values: tuple[Any, ...]) -> tuple[Any, ...]:
        new = tuple([clean(value) for value in values[:MOST_ITEMS]])
        same = len(new) == len(values) and all(map(_is, new, values))
        return values if same else new

    def first_fault(values: tuple[Any, ...]) -> Fault | None:
        if len(values) > MOST_ITEMS:
            return Fault("too_many", f" holds {len(values)} items, {MOST_ITEMS} may be")
        found = ((number, judge(value)) for number, value in enumerate(values))
        first = next(((n, fault) for n, fault in found if fault is not None), None)
        return first and first[1]._replace(reason=f"[{first[0]}]{first[1].reason}")

    return all_clean, first_fault


def _is(one: object, other: object) -> bool:
    return one is other


def _content_changes(content: Content) -> dict[str, object]:
    if content.inline is None:
        return {}
    digest = hashlib.sha256(content.inline).digest()
    if digest == content.digest and content.size == len(content.inline):
        return {}
    return {"digest": digest, "size": len(content.inline)}


def _content_fault(content: Content) -> Fault | None:
    if content.size < 0:
        return Fault("wrong_size", ".size is negative")
    if content.inline is None:
        if len(content.digest) != _DIGEST_BYTES:
            return Fault("wrong_digest", ".digest is not a sha256")
        return None
    if content.size != len(content.inline):
        reason = f".size says {content.size} bytes, inline holds {len(content.inline)}"
        return Fault("wrong_size", reason)
    if hashlib.sha256(content.inline).digest() != content.digest:
        return Fault("wrong_digest", ".digest is not the sha256 of what inline holds")
    return None


_DIGEST_BYTES = 32
