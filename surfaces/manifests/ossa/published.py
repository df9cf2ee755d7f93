"""The JSON Schemas that OSSA has published, by version: who is a manifest at all."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from runfold.events.json_schema import UncheckableError, compiled
from runfold.events.json_schema.bounds import MAX_RESULT_STEPS

SCHEMAS = {
    "0.3": ("0.3.3", "0.3.5", "0.3.6"),
    "0.4": ("0.4.5", "0.4.6", "0.4-of-0.5.0"),
    "0.5": ("0.5.0",),
}
"""What was published for each version; of 0.4 two releases stricter, one looser."""

_VERSION = re.compile(r"ossa/v(\d+\.\d+)(\.\d+)*(-[a-zA-Z0-9.]+)?")


def version_of(data: Mapping[str, Any]) -> str | None:
    """Return ``0.4`` for ``ossa/v0.4`` and ``ossa/v0.4.6``; None for what is not read here."""
    said = data.get("apiVersion")
    found = _VERSION.fullmatch(said) if isinstance(said, str) else None
    return found[1] if found is not None and found[1] in SCHEMAS else None


def accepted(data: Mapping[str, Any]) -> bool:
    """Return whether a published schema of the manifest's own version accepts it.

    What takes more steps to judge than a value may take is not accepted.
    """
    return any(not _faults(name, data) for name in SCHEMAS[version_of(data) or ""])


def first_fault(data: Mapping[str, Any]) -> str:
    """Return what the newest schema of the manifest's own version says against it."""
    return next(iter(_faults(SCHEMAS[version_of(data) or ""][-1], data)), "")


@cache
def fields_of(version: str) -> frozenset[str]:
    """Return the name of every field, at any place, in the schemas of a version."""
    return frozenset(name for each in SCHEMAS[version] for name in _names(_schema(each)))


@cache
def _schema(name: str) -> dict[str, Any]:
    file = resources.files("runfold.surfaces.manifests.ossa") / "schemas" / f"{name}.json.gz"
    schema: dict[str, Any] = json.loads(gzip.decompress(file.read_bytes()))
    return schema


def _faults(name: str, data: Mapping[str, Any]) -> tuple[str, ...]:
    try:
        found = compiled(_schema(name)).faults(data, steps=MAX_RESULT_STEPS, formats=False)
    except UncheckableError as error:
        return (str(error),)
    return tuple(f"{each.place}: {each.text}" for each in found)


def _names(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for each in schema.values():
            yield from _names(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from _names(each)
