"""Amounts and moments as the wire writes them: whole numbers of their smallest unit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow

from runfold.events.base import MONEY_PRECISION, MONEY_SCALE
from runfold.events.errors import WireError

_EXACT = Context(prec=MONEY_PRECISION, traps=[Inexact, InvalidOperation, Overflow])
_UNIT = Decimal(1).scaleb(-MONEY_SCALE)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def amount_bytes(amount: Decimal) -> bytes:
    """Return decimal(38, 12) in bytes; raises WireError for an amount that does not fit exactly."""
    try:
        number = int(amount.quantize(_UNIT, None, _EXACT).scaleb(MONEY_SCALE, _EXACT))
    except (ArithmeticError, ValueError) as error:
        raise WireError(
            "invalid", f"{amount} does not fit decimal({MONEY_PRECISION}, {MONEY_SCALE})."
        ) from error
    return number.to_bytes((number.bit_length() + 8) >> 3, "big", signed=True)


def amount_of(data: bytes) -> Decimal:
    """Return the amount in bytes; raises ArithmeticError for more digits than a decimal(38) has."""
    return Decimal(int.from_bytes(data, "big", signed=True)).scaleb(-MONEY_SCALE, _EXACT)


def micros_of(moment: datetime) -> int:
    """Return the microseconds since the epoch, exactly."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment_of(micros: int) -> datetime:
    """Return the moment in UTC; raises OverflowError beyond the years 1 to 9999."""
    return _EPOCH + timedelta(microseconds=micros)
