"""Which keywords hold schemas, and what the others may say."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from runfold.events.json_schema.values import TYPES

DRAFT = frozenset(
    {
        "https://json-schema.org/draft/2020-12/schema",
        "https://json-schema.org/draft/2020-12/schema#",
    }
)
"""The names of the only draft that is evaluated; they are compared and never fetched."""

FOREIGN = frozenset(
    {"$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "$vocabulary"}
)
"""Keywords that would be half enforced, and are refused."""

MAPS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
SOME = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
ONE = frozenset(
    {
        "items", "additionalProperties", "unevaluatedItems", "unevaluatedProperties", "contains",
        "propertyNames", "not", "if", "then", "else",
    }
)  # fmt: skip

Shape = Callable[[Any], str]


def _type(rule: Any) -> str:
    named = [rule] if isinstance(rule, str) else rule
    if not isinstance(named, list) or not named:
        return "a type is a name or a list of names"
    unknown = [str(each)[:60] for each in named if not isinstance(each, str) or each not in TYPES]
    return f"there is no type {unknown[0]}" if unknown else ""


def _names(rule: Any) -> str:
    fits = isinstance(rule, list) and all(isinstance(each, str) for each in rule)
    return "" if fits else "it is a list of names"


def _names_by_name(rule: Any) -> str:
    fits = isinstance(rule, dict) and not any(_names(each) for each in rule.values())
    return "" if fits else "it holds a list of names for each name"


def _is_number(rule: Any) -> bool:
    return TYPES["number"](rule) and (isinstance(rule, int) or math.isfinite(rule))


def _number(rule: Any) -> str:
    return "" if _is_number(rule) else "it is a number"


def _positive(rule: Any) -> str:
    return "" if _is_number(rule) and rule > 0 else "it is a number above 0"


def _count(rule: Any) -> str:
    fits = TYPES["integer"](rule) and rule >= 0
    return "" if fits else "it is a whole number that is not below 0"


def _a(kind: str, said: str) -> Shape:
    return lambda rule: "" if TYPES[kind](rule) else f"it is {said}"


def _schemas(rule: Any) -> str:
    return "" if isinstance(rule, list) and rule else "it is a list of schemas"


def _map(rule: Any) -> str:
    fits = isinstance(rule, dict) and all(isinstance(each, str) for each in rule)
    return "" if fits else "it holds a schema for each name"


SHAPES: dict[str, Shape] = {
    "type": _type,
    "enum": _a("array", "a list of values"),
    "required": _names,
    "dependentRequired": _names_by_name,
    "uniqueItems": _a("boolean", "true or false"),
    "format": _a("string", "a name"),
    "$ref": _a("string", "a reference"),
    "multipleOf": _positive,
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _number),
    **dict.fromkeys(
        (
            "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
            "minContains", "maxContains",
        ),
        _count,
    ),
    **dict.fromkeys(sorted(SOME), _schemas),
    **dict.fromkeys(sorted(MAPS), _map),
}  # fmt: skip
"""What is wrong with a keyword's value, as a clause, or an empty text."""
