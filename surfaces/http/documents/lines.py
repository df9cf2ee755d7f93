"""A document as text in which each part has a line of its own: small, and quick to compare."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_LONG = 2_000


def lined(document: Mapping[str, Any]) -> str:
    """Return the JSON text of a document; equal documents give equal texts."""
    return _lined(document, 0) + "\n"


def _lined(value: Any, depth: int) -> str:
    flat = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if depth > 2 or not isinstance(value, Mapping) or len(flat) < _LONG:
        return flat
    pad = " " * (depth + 1)
    inner = ",\n".join(
        f"{pad}{json.dumps(name)}: {_lined(held, depth + 1)}" for name, held in value.items()
    )
    return "{\n" + inner + "\n" + " " * depth + "}"
