"""The two kinds of things on the log: records, and facts, which are records of the journal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Context, Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, ParamSpec, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict

MONEY_PRECISION = 38
MONEY_SCALE = 12
_CENT = Decimal(1).scaleb(-MONEY_SCALE)
_DIGITS = Context(prec=MONEY_PRECISION)


def money(value: Decimal | int | str) -> Decimal:
    """Return an amount in US dollars at the wire's scale; raises ValueError if it does not fit."""
    try:
        return Decimal(value).quantize(_CENT, context=_DIGITS)
    except InvalidOperation as error:
        raise ValueError(
            f"{value} does not fit decimal({MONEY_PRECISION}, {MONEY_SCALE})"
        ) from error


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time on the log needs a time zone; use datetime.now(UTC)")
    return value.astimezone(UTC)


Money = Annotated[Decimal, AfterValidator(money)]
"""US dollars, decimal(38, 12) on the wire; never a float."""

Timestamp = Annotated[datetime, AfterValidator(_in_utc)]
"""A moment in UTC, microseconds since the epoch on the wire."""


class Symbol(StrEnum):
    """An Avro enum; its first member is ``unknown``: what an old reader sees of a new symbol."""


class Record(BaseModel):
    """Anything with an Avro schema: frozen, and closed to fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


P = ParamSpec("P")
R = TypeVar("R", bound=Record)

_put, _put_names, _put_extra, _put_private = (
    BaseModel.__dict__[slot].__set__
    for slot in (
        "__dict__",
        "__pydantic_fields_set__",
        "__pydantic_extra__",
        "__pydantic_private__",
    )
)


def trusted(record: Callable[P, R], *_: P.args, **fields: P.kwargs) -> R:
    """Return a record of values that are known to be right; nothing validates them.

    ``record`` is its class; the type checker holds the fields against it. Amounts must be at the
    wire's scale and moments in UTC already.
    """
    defaults, names = _fields_of(record)
    made = object.__new__(record)  # type: ignore[arg-type] # a class is what makes its records
    _put(made, defaults | fields)
    _put_names(made, names)
    _put_extra(made, None)
    _put_private(made, None)
    return made


@cache
def _fields_of(record: type[Record]) -> tuple[dict[str, Any], set[str]]:
    """Return a class's fields in their order, each with its default, and their names."""
    defaults = {name: field.default for name, field in record.model_fields.items()}
    return defaults, set(defaults)


class Fact(Record):
    """Something that happened to a run; on the wire its fields follow the event's ``meta``."""
