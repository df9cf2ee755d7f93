"""The tables of docs/definitions.md, written from the schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from runfold.surfaces.manifests.check import SCHEMAS, schema_of

_BLOCK = re.compile(r"<!-- table: (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def rewritten(page: str) -> str:
    """Return a page with the table between each ``<!-- table: Kind -->`` and ``<!-- end -->``."""
    return _BLOCK.sub(
        lambda found: f"<!-- table: {found[1]} -->\n{table(found[1])}\n<!-- end -->", page
    )


def table(kind: str) -> str:
    """Return the fields of a kind as Markdown; ``Unhonoured`` lists what is only reported."""
    if kind == "Unhonoured":
        rows = [f"| `{path}` | {why} |" for path, why in _unhonoured(schema_of("Agent"), "")]
        return "\n".join(["| valid field | why it changes nothing |", "|---|---|", *rows])
    if kind not in SCHEMAS:
        raise ValueError(f"there is no kind {kind}")
    schema = schema_of(kind)
    rows = [
        f"| `{path}` | {'yes' if required else ''} | {of.get('description', '')} |"
        for path, of, required in _fields(schema, schema, "")
    ]
    return "\n".join(["| field | needed | what it says |", "|---|---|---|", *rows])


def _fields(
    schema: dict[str, Any], whole: dict[str, Any], prefix: str
) -> Iterator[tuple[str, dict[str, Any], bool]]:
    for name, of in schema.get("properties", {}).items():
        if "x-not-honoured" in of:
            continue
        meant = whole["$defs"][of["$ref"].rpartition("/")[2]] if "$ref" in of else of
        path = f"{prefix}{name}"
        yield path, meant, name in schema.get("required", ())
        yield from _fields(meant, whole, f"{path}.")
        yield from _fields(meant.get("items", {}), whole, f"{path}[].")


def _unhonoured(schema: dict[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, of in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        if "x-not-honoured" in of:
            yield path, of["x-not-honoured"]
        yield from _unhonoured(of, f"{path}.")
        yield from _unhonoured(of.get("items", {}), f"{path}[].")
    others = schema.get("additionalProperties")
    if isinstance(others, dict) and "x-not-honoured" in others:
        yield f"{prefix}*", others["x-not-honoured"]
