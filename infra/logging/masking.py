"""Secrets of the environment, kept out of everything that a process writes about itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

MASK = "[redacted]"

_ENDINGS = ("_API_KEY", "_PASSWORD", "_TOKEN", "_OTLP_HEADERS")
_SHORTEST = 4


def secrets_of(env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of an environment that may stand in no log, the longest first."""
    found = set()
    for name, value in env.items():
        if name.startswith("RUNFOLD_SECRET_") or name.endswith(_ENDINGS):
            found.add(value)
        elif name.endswith("_URL") and "@" in value:
            password = urlsplit(value).password or ""
            found |= {password, unquote(password)}
    kept = {form for value in found if len(value) >= _SHORTEST for form in _forms(value)}
    return tuple(sorted(kept, key=len, reverse=True))


def masked(text: str, secrets: tuple[str, ...]) -> str:
    """Return the text without the secrets."""
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, MASK)
    return text


def _forms(value: str) -> set[str]:
    return {value, json.dumps(value, ensure_ascii=False)[1:-1], json.dumps(value)[1:-1]}
