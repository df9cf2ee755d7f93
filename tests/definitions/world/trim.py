"""Trims a published OSSA schema to what judges a document: what ``ossa/schemas`` holds.

    git show v0.5.0:spec/v0.4/agent.schema.json | python -m tests.definitions.world.trim > FILE

Annotations and definitions that nothing refers to are left out, and so is the dialect (draft-07),
of which these schemas use nothing that 2020-12 reads differently.
"""

from __future__ import annotations

import gzip
import json
import sys
from typing import Any

_ANNOTATIONS = {"$comment", "$id", "$schema", "default", "description", "examples", "title"}
_NAMED = {"definitions", "properties", "patternProperties"}
_REF = "#/definitions/"


def trimmed(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with nothing but what a verdict depends on."""
    bare: dict[str, Any] = _bare(schema, names=False)
    kept: dict[str, Any] = {}
    _gather({key: each for key, each in bare.items() if key != "definitions"}, bare, kept)
    return {**bare, "definitions": dict(sorted(kept.items()))}


def _bare(value: Any, *, names: bool) -> Any:
    if isinstance(value, dict):
        return {
            key: _bare(each, names=not names and key in _NAMED)
            for key, each in value.items()
            if names or key not in _ANNOTATIONS
        }
    return [_bare(each, names=False) for each in value] if isinstance(value, list) else value


def _gather(value: Any, schema: dict[str, Any], kept: dict[str, Any]) -> None:
    if isinstance(value, dict):
        target = value.get("$ref")
        if isinstance(target, str) and target.startswith(_REF):
            name = target.removeprefix(_REF).partition("/")[0]
            if name not in kept:
                kept[name] = schema["definitions"][name]
                _gather(kept[name], schema, kept)
        for each in value.values():
            _gather(each, schema, kept)
    elif isinstance(value, list):
        for each in value:
            _gather(each, schema, kept)


def main() -> None:
    """Read a schema on standard input and write it, compressed, on standard output."""
    text = json.dumps(trimmed(json.load(sys.stdin)), separators=(",", ":"), sort_keys=True)
    sys.stdout.buffer.write(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main()
