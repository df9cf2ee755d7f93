"""What a writer's schema says that a reader's does not: fields and symbols of a newer release.

Avro leaves out what the reader does not know. Whoever folds facts must not: a decision would be
made on less than what was recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def beyond(written: Any, known: Any) -> list[str]:
    """Return what the first schema has and the second lacks, as ``Record.field``, in order."""
    return sorted(set(_names(written)) - set(_names(known)))


def _names(schema: Any) -> Iterator[str]:
    """Yield every field and symbol; a registry may write names with their namespace or without."""
    if isinstance(schema, list):
        for part in schema:
            yield from _names(part)
    if not isinstance(schema, dict):
        return
    kind, name = schema.get("type"), str(schema.get("name", "")).rpartition(".")[2]
    if kind == "enum":
        yield from (f"{name}.{symbol}" for symbol in schema["symbols"])
    elif kind == "record":
        for field in schema["fields"]:
            yield f"{name}.{field['name']}"
            yield from _names(field["type"])
    else:
        # An array or a map of something, or a type in brackets of its own.
        for part in ("items", "values", "type"):
            yield from _names(schema.get(part))
