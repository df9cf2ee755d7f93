"""Submit a run: the request, with limits as people give them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypedDict

from pydantic import ValidationError

from runfold.events.values import Limits
from runfold.surfaces.application.errors import InvalidError


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
        if held <= 0:
            raise InvalidError(f"{name} is {held}: a limit is above zero.")
    if "max_tokens" in named:
        named["max_total_tokens"] = named.pop("max_tokens")
    if "max_seconds" in named:
        named["max_duration_ms"] = int(named.pop("max_seconds") * 1000)
    if "max_cost" in named:
        # By its text, so that 0.1 is 0.1 to the last digit.
        named["max_cost"] = Decimal(str(named["max_cost"]))
    try:
        return Limits.model_validate(named)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidError(f"This is not a limit: {place}: {first['msg']}.") from error


def more_of(given: Mapping[str, Decimal | int | str]) -> dict[str, Decimal]:
    """Return amounts by unit as a request to extend a run carries them; raises InvalidError."""
    found = {}
    for unit, said in given.items():
        try:
            amount = Decimal(str(said))
        except InvalidOperation:
            amount = Decimal(0)
        if not amount.is_finite() or amount <= 0:
            raise InvalidError(f"{unit} is {said}: more is an amount above zero, such as 0.50.")
        found[unit] = amount
    if not found:
        raise InvalidError("Say how much more the run may use, such as usd.")
    return found
