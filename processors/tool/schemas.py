"""Arguments and results checked against a contract's JSON Schemas [80, 82]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

from runfold.events.definitions import ToolContract
from runfold.processors.tool.errors import ToolRefusedError

_SHOWN = 5
_SHOWN_CHARS = 300


@dataclass(frozen=True, slots=True)
class _Checks:
    contract: ToolContract
    arguments: Draft202012Validator
    result: Draft202012Validator | None


class Schemas:
    """Validators by contract, compiled once for each version of a tool."""

    def __init__(self) -> None:
        self._checks: dict[tuple[str, str], _Checks] = {}

    def problems_of_arguments(self, contract: ToolContract, value: object) -> list[str]:
        """Return what is wrong with arguments, by field; ToolRefusedError means a bad schema."""
        return _problems(self._of(contract).arguments, value, "arguments")

    def problems_of_result(self, contract: ToolContract, value: object) -> list[str]:
        """Return what is wrong with a result; nothing if the contract has no output schema."""
        checks = self._of(contract)
        return _problems(checks.result, value, "result") if checks.result else []

    def _of(self, contract: ToolContract) -> _Checks:
        key = (contract.name, contract.version)
        known = self._checks.get(key)
        if known is None or (known.contract is not contract and known.contract != contract):
            result = contract.output_schema
            known = _Checks(
                contract,
                _validator(contract, contract.input_schema),
                _validator(contract, result) if result is not None else None,
            )
            self._checks[key] = known
        return known


def _validator(contract: ToolContract, schema: Mapping[str, Any]) -> Draft202012Validator:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise _unusable(contract, error.message) from error
    # An empty registry: a schema never makes this process fetch another one.
    return Draft202012Validator(schema, registry=Registry())


def _problems(validator: Draft202012Validator, value: object, name: str) -> list[str]:
    try:
        errors = sorted(validator.iter_errors(value), key=lambda error: error.json_path)
    except (Unresolvable, RecursionError) as error:
        raise ToolRefusedError(
            f"The tool's schema cannot be used: {type(error).__name__}.", error_type="unavailable"
        ) from error
    shown = [_line(name, error) for error in errors[:_SHOWN]]
    if len(errors) > _SHOWN:
        shown.append(f"and {len(errors) - _SHOWN} more")
    return shown


def _line(name: str, error: ValidationError) -> str:
    return f"{name}{error.json_path[1:]}: {error.message}"[:_SHOWN_CHARS]


def _unusable(contract: ToolContract, reason: str) -> ToolRefusedError:
    return ToolRefusedError(
        f"The contract of {contract.name}@{contract.version} has a schema that is none: "
        f"{reason[:_SHOWN_CHARS]}",
        error_type="unavailable",
        suggested_next_action="Publish a new version of the tool with a valid JSON Schema.",
    )
