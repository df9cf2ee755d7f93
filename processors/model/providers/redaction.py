"""Keeping keys out of what goes on record: providers like to quote them in their errors [141]."""

from __future__ import annotations

import re

_KEY_LIKE = re.compile(r"\b(?:sk|pk|rk)-[\w*.\-]{6,}|\b[Bb]earer\s+\S+")
_HIDDEN = "[key]"
_LONGEST = 8000


def scrub(message: str, key: str | None = None) -> str:
    """Return the message on one line, with ``key`` and anything that looks like a key replaced."""
    message = " ".join(message[: 8 * _LONGEST].split())[:_LONGEST]
    if key:
        message = message.replace(key, _HIDDEN)
    return _KEY_LIKE.sub(_HIDDEN, message)
