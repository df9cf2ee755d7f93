"""Attributes that conditions ask for with ``has``: one that nothing ever has hides a mistake.

Cedar takes such a question for false, so that a rule behind it never matches and nobody is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str, ...]


def asked_for(body: Any) -> Iterator[Path]:
    """Yield what a rule asks for: a variable, and the attributes that lead from it."""
    if isinstance(body, Mapping):
        asked = body.get("has")
        if isinstance(asked, Mapping) and (left := _path(asked.get("left"))) is not None:
            yield (*left, str(asked.get("attr")))
        for each in body.values():
            yield from asked_for(each)
    elif isinstance(body, list):
        for each in body:
            yield from asked_for(each)


def known_paths(schema: Mapping[str, Any]) -> set[Path]:
    """Return every path from a variable that a schema knows."""
    parts = schema[""]
    found: set[Path] = set()
    for action in parts["actions"].values():
        applies = action["appliesTo"]
        found |= set(_within(("context",), applies["context"]))
        for variable, types in (
            ("principal", applies["principalTypes"]),
            ("resource", applies["resourceTypes"]),
        ):
            for each in types:
                found |= set(_within((variable,), parts["entityTypes"][each].get("shape", {})))
    return found


def _within(prefix: Path, record: Mapping[str, Any]) -> Iterator[Path]:
    for name, kind in record.get("attributes", {}).items():
        yield (*prefix, name)
        yield from _within((*prefix, name), kind)


def _path(node: Any) -> Path | None:
    """Return how an expression leads from a variable, None for anything else."""
    if not isinstance(node, Mapping):
        return None
    if "Var" in node:
        return (str(node["Var"]),)
    of = node.get(".")
    left = _path(of.get("left")) if isinstance(of, Mapping) else None
    return None if left is None or not isinstance(of, Mapping) else (*left, str(of.get("attr")))
