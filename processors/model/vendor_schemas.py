"""What OpenAI and Anthropic refuse of a tool's JSON Schema, so that it is said before a call fails.

A server that speaks one of the wires may take what the vendor itself does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_UNIONS = ("anyOf", "oneOf", "allOf")
_ANTHROPIC_KEY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_MOST_PLACES = 10_000
_SHOWN = 60


def refused_by_vendors(schema: Mapping[str, Any]) -> list[str]:
    """Return what the vendors refuse of a tool's input schema, a sentence each; they name it."""
    found = [
        f"OpenAI and Anthropic refuse {key} at the top of a tool's schema: move it into a "
        "property, or offer a tool for each case"
        for key in _UNIONS
        if key in schema
    ]
    found += [
        f"OpenAI refuses {key} at the top of a tool's schema: remove it"
        for key in ("enum", "not")
        if key in schema
    ]
    if schema.get("type") != "object":
        found.append("OpenAI and Anthropic take only objects as arguments: say type: object")
    for name in _mapping(schema.get("properties")):
        if not _ANTHROPIC_KEY.fullmatch(name):
            found.append(
                f"Anthropic refuses the property {name[:_SHOWN]!a}: "
                "use up to 64 letters, digits and . _ -"
            )
    for place, each in _schemas(schema):
        if each.get("type") == "array" and "items" not in each and "prefixItems" not in each:
            found.append(
                f"OpenAI refuses the list {place[:_SHOWN]!a} without items: say items: {{}}"
            )
    return found


def _schemas(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield a schema and those within it, each with its place, up to a number of them."""
    waiting: list[tuple[str, Any]] = [("", schema)]
    seen = 0
    while waiting and seen < _MOST_PLACES:
        place, each = waiting.pop()
        seen += 1
        if not isinstance(each, dict):
            continue
        yield place or "arguments", each
        for key in ("properties", "$defs", "definitions", "patternProperties"):
            inner = _mapping(each.get(key))
            waiting += [(f"{place}.{name}".strip("."), value) for name, value in inner.items()]
        for key in (*_UNIONS, "prefixItems"):
            listed = each.get(key)
            waiting += [(place, value) for value in listed] if isinstance(listed, list) else []
        waiting += [(place, each[key]) for key in ("items", "additionalProperties") if key in each]


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
