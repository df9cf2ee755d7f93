"""Amounts as the wire writes them: a whole number of the smallest unit, two's complement."""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow

from events.base import MONEY_PRECISION, MONEY_SCALE
from events.errors import WireError

_EXACT = Context(prec=MONEY_PRECISION, traps=[Inexact, InvalidOperation, Overflow])
_UNIT = Decimal(1).scaleb(-MONEY_SCALE)


def amount_bytes(amount: Decimal) -> bytes:
    """Return decimal(38, 12) in bytes; raises WireError for an amount that does not fit exactly."""
    try:
        number = int(amount.quantize(_UNIT, context=_EXACT).scaleb(MONEY_SCALE, _EXACT))
    except ArithmeticError as error:
        raise WireError(
            "invalid", f"{amount} does not fit decimal({MONEY_PRECISION}, {MONEY_SCALE})."
        ) from error
    return number.to_bytes((number.bit_length() + 8) >> 3, "big", signed=True)
