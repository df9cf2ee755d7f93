"""The two kinds of things on the log: records, and facts, which are records of the journal."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

MONEY_PRECISION = 38
MONEY_SCALE = 12
_CENT = Decimal(1).scaleb(-MONEY_SCALE)


def money(value: Decimal | int | str) -> Decimal:
    """Return an amount in US dollars at the wire's scale of twelve decimal places."""
    return Decimal(value).quantize(_CENT)


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


class Fact(Record):
    """Something that happened to a run; on the wire its fields follow the event's ``meta``."""
