"""Bounds on what is said to clients: texts in it are of strangers, and a model has to read it."""

from __future__ import annotations

import json
from typing import Any

from runfold.surfaces.application.rendering import to_json

MOST_BYTES = 256_000
"""How many bytes of JSON a result has at most."""

MOST_TEXT = 64_000
"""How many characters a text has at most that stands on its own."""

_STEPS = ((20_000, 500), (4_000, 200), (800, 100), (160, 50), (32, 10))


def plain(value: object) -> Any:
    """Return a shape as values of JSON, amounts as numbers."""
    return json.loads(to_json(value))


def bounded(value: Any, most: int = MOST_BYTES) -> Any:
    """Return a JSON value whose text has at most so many bytes: long texts and lists are cut.

    Names and kinds of values stay, so that it still fits its schema.
    """
    if _size(value) <= most:
        return value
    cut = value
    for text, items in _STEPS:
        cut = _cut(value, text, items)
        if _size(cut) <= most:
            break
    return cut


def short(text: str, most: int = MOST_TEXT) -> str:
    """Return a text of at most about so many characters, which says where it was cut."""
    if len(text) <= most:
        return text
    return f"{text[:most]}… (cut: it has {len(text):,} characters)"


def _cut(value: Any, text: int, items: int) -> Any:
    match value:
        case str():
            return short(value, text)
        case list():
            return [_cut(each, text, items) for each in value[:items]]
        case dict():
            return {name: _cut(held, text, items) for name, held in value.items()}
        case _:
            return value


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
