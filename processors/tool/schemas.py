"""Arguments and results checked against a contract's JSON Schemas [80, 82]."""

from __future__ import annotations

from typing import Any

from runfold.events.definitions import ToolContract
from runfold.events.json_schema import Fault, SchemaRefusedError, UncheckableError, compiled, parsed
from runfold.events.json_schema.bounds import MAX_RESULT_STEPS
from runfold.processors.tool.errors import ToolRefusedError

_SHOWN = 5
_SHOWN_CHARS = 300


def arguments_of(text: bytes) -> Any:
    """Return the value of a call's arguments; raises ToolRefusedError for what is not JSON."""
    try:
        return parsed(text)
    except UncheckableError as error:
        raise _invalid(f"The arguments cannot be read: {error}.") from error


def problems_of_arguments(contract: ToolContract, value: object) -> list[str]:
    """Return what is wrong with arguments, by field.

    Raises ToolRefusedError where the schema is not usable, or the arguments cannot be checked.
    """
    try:
        return _lines("arguments", compiled(contract.input_schema).faults(value))
    except SchemaRefusedError as error:
        raise _unusable(contract, str(error)) from error
    except UncheckableError as error:
        raise _invalid(f"The arguments cannot be checked: {error}.") from error


def problems_of_result(contract: ToolContract, value: object) -> list[str]:
    """Return what is wrong with a result; nothing if the contract has no output schema.

    Formats are not asked of a result: an effect that happened is not put in doubt for the form of a
    date.
    """
    if contract.output_schema is None:
        return []
    try:
        check = compiled(contract.output_schema)
        return _lines("result", check.faults(value, steps=MAX_RESULT_STEPS, formats=False))
    except UncheckableError as error:
        return [f"the result cannot be checked: {error}"[:_SHOWN_CHARS]]


def _lines(name: str, faults: tuple[Fault, ...]) -> list[str]:
    shown = [f"{name}{each.place[1:]}: {each.text}"[:_SHOWN_CHARS] for each in faults[:_SHOWN]]
    return [*shown, f"and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else shown


def _invalid(message: str) -> ToolRefusedError:
    return ToolRefusedError(
        message,
        error_type="invalid_arguments",
        suggested_next_action="Correct the arguments and propose the call again.",
    )


def _unusable(contract: ToolContract, reason: str) -> ToolRefusedError:
    return ToolRefusedError(
        f"The contract of {contract.name}@{contract.version}: {reason}."[:_SHOWN_CHARS],
        error_type="unavailable",
        suggested_next_action="Publish a new version of the tool with a schema that is taken.",
    )
