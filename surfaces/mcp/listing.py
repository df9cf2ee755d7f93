"""What a listing is asked for: for which scopes, and after which place."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS

_MOST_SCOPES = 1_000


def scopes_in(params: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the scopes that a listing is asked for, None where it is not; raises MCPError."""
    said = params.get("scopes")
    if said is None:
        return None
    if (
        not isinstance(said, list)
        or len(said) > _MOST_SCOPES
        or not all(isinstance(each, str) for each in said)
    ):
        raise MCPError(INVALID_PARAMS, f"scopes must be a list of at most {_MOST_SCOPES} texts.")
    return frozenset(said)


def cursor_of(name: str) -> str:
    """Return what a client sends to go on after a tool."""
    return base64.urlsafe_b64encode(name.encode()).decode()


def place_of(cursor: str | None) -> str:
    """Return after which tool a client goes on; raises MCPError."""
    if cursor is None:
        return ""
    try:
        return base64.urlsafe_b64decode(cursor.encode()).decode()
    except ValueError:
        raise MCPError(INVALID_PARAMS, "The cursor is none: use nextCursor of an answer.") from None
