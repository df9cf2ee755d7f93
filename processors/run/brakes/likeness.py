"""What nearly the same calls have in common: arguments without what makes no difference."""

from __future__ import annotations

import hashlib
from typing import Any

from runfold.events.contents.content import JSON, Content, canonical_json
from runfold.events.definitions.agents.brakes import words_of
from runfold.events.json_schema import UncheckableError, parsed

MOST_BYTES = 65_536
"""Longer arguments are alike only where they are the same."""


def alike(tool: str, arguments: Content) -> bytes:
    """Return a digest that is equal for calls which are nearly the same.

    Texts are compared by their words without case and punctuation, numbers by their value; members
    without a value do not count.
    """
    inline = arguments.inline
    if inline is not None and len(inline) <= MOST_BYTES and arguments.media_type == JSON:
        try:
            return _digest(tool, _kept(parsed(inline)))
        except (ValueError, UncheckableError):
            # Half a character has no digest; too deep a value is not looked into.
            pass
    return _digest(tool, arguments.digest.hex())


def _digest(tool: str, kept: object) -> bytes:
    return hashlib.sha256(canonical_json([tool, kept]).encode()).digest()


def _kept(value: Any) -> Any:
    match value:
        case str():
            return words_of(value).strip() or value
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_kept(each) for each in value]
        case dict():
            members = {name: _kept(each) for name, each in value.items()}
            return {name: each for name, each in members.items() if each not in (None, "", [], {})}
        case _:
            return value
