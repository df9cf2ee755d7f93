"""Text of strangers made fit for a record: whole characters, bounded length."""

from __future__ import annotations

import re
from typing import Any

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def joined(said: str) -> str:
    """Return a text with the halves of its characters put together; a lone half stays."""
    if _is_whole(said):
        return said
    return said.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def has_halves(said: str) -> bool:
    """Return whether a text holds half a character that nothing completes."""
    return not _is_whole(joined(said))


def clean(said: str) -> str:
    """Return a text that UTF-8 can carry: halves put together, a lone one replaced by U+FFFD."""
    if _is_whole(said):
        return said
    return said.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def name_of(said: str, longest: int) -> str:
    """Return a name or id: clean, without control characters, at most ``longest`` characters."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", clean(said[: longest + 1]))[:longest]


def cleaned(value: Any) -> Any:
    """Return a JSON value, which is changed in place, with every text in it clean."""
    box = [value]
    waiting: list[Any] = [box]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            for key in [key for key in item if not _is_whole(key)]:
                item[clean(key)] = item.pop(key)
        places = list(item) if isinstance(item, dict) else range(len(item))
        for place in places:
            found = item[place]
            if isinstance(found, str):
                item[place] = clean(found)
            elif isinstance(found, dict | list):
                waiting.append(found)
    return box[0]


def _is_whole(said: str) -> bool:
    if said.isascii():
        return True
    try:
        said.encode()
    except UnicodeEncodeError:
        return False
    return True
