"""The two kinds of things on the log: records, and facts, which are records of the journal."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Context, Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict

if TYPE_CHECKING:
    from runfold.events.traits import Traits

GENESIS = bytes(32)
"""The ``prev_hash`` of a run's first event."""

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


def _in_millis(value: datetime) -> datetime:
    found = _in_utc(value)
    return found.replace(microsecond=found.microsecond // 1000 * 1000)


Millis = Annotated[datetime, AfterValidator(_in_millis)]
"""A moment in UTC, milliseconds since the epoch on the wire: what every stream-table tool reads."""


class ContentTrait:
    """Marks a field that holds what was said, or a digest of it; where it is sealed, that is."""


SAID = ContentTrait()

Said = Annotated[str, SAID]
"""Words of a person, a model or a tool, or what may repeat them: contents, sealed per tenant."""

SaidBytes = Annotated[bytes, SAID]
"""Bytes of the same kind, and digests of contents, by which a guess could be confirmed."""


class Symbol(StrEnum):
    """An Avro enum; its first member is ``unknown``: what an old reader sees of a new symbol."""


class Record(BaseModel):
    """Anything with an Avro schema: frozen, and closed to fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Fact(Record):
    """Something that happened; on the wire its fields follow the event's ``meta``.

    Each class of a run's facts declares its ``traits``: what the fact means to those who count,
    show or sum it. It leaves ``META`` and ``EVENT`` alone. A base class for the facts of another
    kind of aggregate names the record that its events begin with, and the class of an event: a
    slotted dataclass with the fields ``meta`` and ``fact``.
    """

    META: ClassVar[type[Record] | None] = None
    EVENT: ClassVar[type[Any] | None] = None

    if TYPE_CHECKING:
        traits: ClassVar[Traits]
    else:
        # The schema generator resolves annotations, and traits are made of what stands here.
        traits: ClassVar[Any]
