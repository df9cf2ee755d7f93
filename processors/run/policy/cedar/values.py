"""JSON values as Cedar has them: whole numbers are Long, other numbers decimal, texts String."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any

from runfold.events.contents.content import Content
from runfold.events.definitions import ToolContract
from runfold.events.json_schema import UncheckableError, parsed

LONG, DECIMAL, STRING, BOOL, STRINGS = "Long", "decimal", "String", "Bool", "Set<String>"

_PLACES = Decimal("0.0001")
_LARGEST = Decimal(2**63 - 1) * _PLACES
_SMALLEST = -Decimal(2**63) * _PLACES
_TYPES = {"integer": LONG, "number": DECIMAL, "string": STRING, "boolean": BOOL}


class UnjudgeableError(Exception):
    """What a policy would have to look at cannot be shown to it as it is: ``name`` says what."""

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        super().__init__(problem)


def type_of(schema: Mapping[str, Any], name: str) -> str | None:
    """Return the Cedar type of an argument by its input schema, None where it has none."""
    said = schema.get("properties", {}).get(name)
    if not isinstance(said, dict):
        return None
    kind = said.get("type")
    if kind == "array":
        items = said.get("items")
        return STRINGS if isinstance(items, dict) and items.get("type") == "string" else None
    return _TYPES.get(kind) if isinstance(kind, str) else None


def arguments_of(arguments: Content) -> dict[str, Any]:
    """Return the arguments of a call; raises UnjudgeableError where they cannot be looked at."""
    if arguments.inline is None:
        raise UnjudgeableError("arguments", "they are too large to be looked at")
    try:
        found = parsed(arguments.inline)
    except UncheckableError as fault:
        raise UnjudgeableError("arguments", str(fault)) from None
    if not isinstance(found, dict):
        raise UnjudgeableError("arguments", "they are no JSON object")
    return found


def shown(contract: ToolContract, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that policies look at, as values of Cedar's JSON.

    Raises UnjudgeableError for one that is there and is not of its declared type: a policy must
    not be passed by because of it.
    """
    return {
        name: converted(name, given[name], type_of(contract.input_schema, name))
        for name in contract.policy_arguments
        if name in given
    }


def converted(name: str, value: Any, kind: str | None) -> Any:
    """Return a value of a Cedar type in Cedar's JSON; raises UnjudgeableError where it is none."""
    number = None if isinstance(value, bool) or not isinstance(value, int | float) else value
    if kind == LONG and number is not None and int(number) == number:
        if -(2**63) <= number < 2**63:
            return int(number)
    elif kind == DECIMAL and number is not None:
        return _exact(name, Decimal(repr(number)))
    if (kind == STRING and isinstance(value, str)) or (kind == BOOL and isinstance(value, bool)):
        return value
    if kind == STRINGS and isinstance(value, list) and all(isinstance(i, str) for i in value):
        return value
    raise UnjudgeableError(
        name, f"it is no {kind or 'value that policies know'} that they can hold"
    )


def rounded_up(value: Decimal) -> dict[str, Any]:
    """Return an amount as a Cedar decimal, rounded up to its four places."""
    try:
        rounded = value.quantize(_PLACES, rounding=ROUND_CEILING)
    except InvalidOperation:
        rounded = _LARGEST
    return decimal(min(max(rounded, _SMALLEST), _LARGEST))


def decimal(value: Decimal) -> dict[str, Any]:
    """Return a decimal in Cedar's JSON; it has at most four places."""
    return {"__extn": {"fn": "decimal", "arg": f"{value.quantize(_PLACES):f}"}}


def _exact(name: str, value: Decimal) -> dict[str, Any]:
    if not value.is_finite() or not _SMALLEST <= value <= _LARGEST:
        raise UnjudgeableError(name, "it is beyond what policies can compare")
    if value != value.quantize(_PLACES):
        raise UnjudgeableError(name, "it has more than four decimal places")
    return decimal(value)
