"""Local references, ``#`` and ``#/a/b``: there are no others, and nothing is ever fetched."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from runfold.events.json_schema.bounds import SchemaRefusedError


def target_of(root: Any, reference: str) -> Any:
    """Return what a reference names; raises SchemaRefusedError with a clause that says why."""
    if reference != "#" and not reference.startswith("#/"):
        shown = reference if len(reference) <= 60 else f"{reference[:59]}…"
        raise SchemaRefusedError(f"{shown} is not taken: refer to a place within, as #/$defs/name")
    found = root
    for name in place_of(reference):
        if isinstance(found, dict) and name in found:
            found = found[name]
        elif isinstance(found, list) and name.isdecimal() and int(name[:9]) < len(found):
            found = found[int(name[:9])]
        else:
            raise SchemaRefusedError(f"there is nothing at {reference[:60]}")
    return found


def place_of(reference: str) -> tuple[str, ...]:
    """Return the names on the way to what a reference names."""
    parts = reference.split("/")[1:]
    return tuple(unquote(part).replace("~1", "/").replace("~0", "~") for part in parts)
