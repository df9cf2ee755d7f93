"""Submit a run: the request, with limits as people give them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypedDict

from pydantic import ValidationError

from runfold.events.base import money
from runfold.events.expected import first_of
from runfold.events.values import Limits
from runfold.surfaces.application.errors import InvalidError

_WRITTEN = re.compile(r"[0-9]{1,40}(?:\.[0-9]{1,40})?")
_IS_AN_AMOUNT = "an amount above zero, with at most 12 digits behind the point, such as 0.50"
_LONGEST_MS = 100 * 365 * 86_400_000


class LimitOptions(TypedDict, total=False):
    """The limits that a requester may set; what is missing or None is the agent's own.

    ``max_cost`` is in US dollars, ``max_tokens`` counts input and output, ``max_seconds`` is
    working time.
    """

    max_cost: Decimal | float | None
    max_model_calls: int | None
    max_tool_calls: int | None
    max_tokens: int | None
    max_seconds: float | None
    max_retries: int | None


def limits_of(given: LimitOptions) -> Limits | None:
    """Return limits as a request carries them, None where there are none; raises InvalidError."""
    named: dict[str, Any] = {name: held for name, held in given.items() if held is not None}
    if not named:
        return None
    for name, held in named.items():
        if _above_zero(held) is None:
            raise InvalidError(f"{name} is {held}: a limit is above zero.")
    if "max_tokens" in named:
        named["max_total_tokens"] = named.pop("max_tokens")
    if "max_seconds" in named:
        seconds = named.pop("max_seconds")
        named["max_duration_ms"] = milliseconds = int(seconds * 1000)
        if not 0 < milliseconds <= _LONGEST_MS:
            raise InvalidError(f"max_seconds is {seconds}: a limit is at least 0.001, and no age.")
    if "max_cost" in named:
        said = named["max_cost"]
        named["max_cost"] = amount = _amount(said)
        if amount is None:
            raise InvalidError(f"max_cost is {said}: a limit is {_IS_AN_AMOUNT}.")
    try:
        return Limits.model_validate(named)
    except ValidationError as error:
        raise InvalidError(f"This is not a limit: {first_of(error)}.") from error


def _above_zero(said: Decimal | float | str) -> Decimal | None:
    """Return a number by its text, so that 0.1 is 0.1; None for what is none above zero."""
    try:
        found = Decimal(str(said))
    except InvalidOperation:
        return None
    return found if found.is_finite() and found > 0 else None


def _amount(said: Decimal | float | str) -> Decimal | None:
    """Return an amount as the log can hold it to the last digit, None for what is none.

    A text is one that people write: no exponent, and no digits of other scripts.
    """
    if isinstance(said, str) and not _WRITTEN.fullmatch(said):
        return None
    found = _above_zero(said)
    try:
        return found if found is not None and money(found) == found else None
    except ValueError:
        return None


def more_of(given: Mapping[str, Decimal | int | str]) -> dict[str, Decimal]:
    """Return amounts by unit as a request to extend a run carries them; raises InvalidError."""
    found = {}
    for unit, said in given.items():
        amount = _amount(said)
        if amount is None:
            raise InvalidError(f"{unit} is {said}: more is {_IS_AN_AMOUNT}.")
        found[unit] = amount
    if not found:
        raise InvalidError("Say how much more the run may use, such as usd.")
    return found
