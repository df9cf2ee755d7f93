"""Secrets: held by the tool layer, given to tools by name, kept out of everything they say [98]."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping

from runfold.events.content import canonical_json
from runfold.processors.tool.errors import ToolRefusedError

Secrets = Callable[[str], str | None]

_REDACTED = "[redacted]"


def secret_from_env(name: str) -> str | None:
    """Return ``RUNFOLD_SECRET_<NAME>``, the name in upper case with ``_`` for what is no letter."""
    return os.environ.get("RUNFOLD_SECRET_" + re.sub(r"[^A-Z0-9]", "_", name.upper()))


def held(names: Iterable[str], secrets: Secrets) -> Mapping[str, str]:
    """Return the named secrets' values; raises ToolRefusedError if one is not held here."""
    found = {}
    for name in names:
        value = secrets(name)
        if not value:
            raise ToolRefusedError(
                f"The tool needs the secret {name!r}, which this process does not hold.",
                error_type="unavailable",
                suggested_next_action="Give the secret to the process that runs the tool.",
            )
        found[name] = value
    return found


def redacted(text: str, values: Iterable[str]) -> str:
    """Return the text without the secret values, also where they stand inside JSON."""
    for value in values:
        for form in {value, canonical_json(value)[1:-1]}:
            text = text.replace(form, _REDACTED)
    return text
