"""What is wrong with a document by the schema of its kind: each fault with its place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from runfold.infra.documents import FieldPath
from runfold.surfaces.manifests.problems import did_you_mean

_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text (write it in quotes)",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}

_MOST_HINTS = 100
"""How many unknown fields of a mapping are compared with the known ones, which takes a while."""


class Fault(NamedTuple):
    """A sentence about a field; ``rule`` is the keyword of the schema that it does not meet.

    An unknown field (``additionalProperties``) is at its own place, and what is missing
    (``required``) at the place of the mapping that lacks it.
    """

    path: FieldPath
    sentence: str
    rule: str


def faults_of(schema: dict[str, Any], data: Any) -> Iterator[Fault]:
    """Yield every fault of a document's plain values."""
    for error in _leaves(Draft202012Validator(schema).iter_errors(data)):
        for path, sentence in _explained(error):
            yield Fault(path, sentence, str(error.validator))


def _leaves(errors: Iterable[ValidationError]) -> Iterator[ValidationError]:
    """Replace a failed choice by what is wrong within the one branch of the value's own type."""
    for error in errors:
        branches: dict[object, list[ValidationError]] = {}
        for inner in error.context or ():
            branches.setdefault(inner.relative_schema_path[0], []).append(inner)
        meant = [
            inner
            for inner in branches.values()
            if not any(each.validator == "type" and not each.relative_path for each in inner)
        ]
        if len(meant) == 1:
            yield from _leaves(meant[0])
        else:
            yield error


def _explained(error: ValidationError) -> Iterator[tuple[FieldPath, str]]:
    path: FieldPath = tuple(error.absolute_path)
    value: Any = error.instance
    rule: Any = error.validator_value
    schema: Any = error.schema
    says = schema.get("x-says")
    match error.validator:
        case "additionalProperties":
            known = list(schema.get("properties", ()))
            for at, key in enumerate(sorted(set(value) - set(known))):
                near = did_you_mean(key, known) if at < _MOST_HINTS else ""
                yield (*path, key), f"unknown field.{near}"
        case "required":
            for key in sorted(set(rule) - set(value)):
                yield path, f'"{key}" is missing'
        case "enum":
            near = did_you_mean(str(value), [str(each) for each in rule])
            yield path, f"{_shown(value)} is none of {', '.join(map(str, rule))}.{near}"
        case "const":
            yield path, f"{_shown(value)} should be {rule}"
        case _ if says is not None:
            scalar = not isinstance(value, dict | list)
            yield path, f"{_shown(value)}: {says}" if scalar else says
        case "type":
            wanted = " or ".join(_TYPES[each] for each in ([rule] if type(rule) is str else rule))
            yield path, f"{_shown(value)} should be {wanted}"
        case _:
            yield path, error.message


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"
