"""How a secret may look when somebody says it again: as it is, escaped, encoded, line by line.

Who echoes a secret seldom means to: a client quotes the address that it asked for, an error shows a
header, a result is JSON inside JSON. Whoever takes a secret apart on purpose is not found by it.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from urllib.parse import quote, quote_plus

_SHORTEST = 8
"""So many characters a secret has, or a line of it, that is looked for in other forms."""


@lru_cache(maxsize=256)
def forms_of(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return every form of these secrets, the longest first: one may be a part of another."""
    found = {form for value in values if value for form in _forms(value)}
    return tuple(sorted(found, key=lambda form: (-len(form), form)))


def without(text: str, values: Iterable[str], mask: str) -> str:
    """Return a text with a mask in the place of every form of these secrets."""
    for form in forms_of(tuple(values)):
        if form in text:
            text = text.replace(form, mask)
    return text


def _forms(value: str) -> Iterator[str]:
    yield from _escaped(value)
    if len(value) >= _SHORTEST:
        yield from _encoded(value)
    lines = value.splitlines()
    for line in lines if len(lines) > 1 else ():
        if len(line) >= _SHORTEST:
            yield from _escaped(line)


def _escaped(value: str) -> Iterator[str]:
    yield value
    yield repr(value)[1:-1]
    inside = json.dumps(value, ensure_ascii=False)
    for said in (inside, json.dumps(value)):
        yield said[1:-1]
        # JSON inside a string of JSON.
        yield json.dumps(said, ensure_ascii=False)[3:-3]


def _encoded(value: str) -> Iterator[str]:
    raw = value.encode("utf-8", "surrogatepass")
    yield from (quote(raw), quote(raw, safe=""), quote_plus(raw), html.escape(value))
    yield from (raw.hex(), raw.hex().upper())
    for before in range(3):
        # What the characters beside it say too, as of a user's name before it, is left out.
        coded = base64.b64encode(b"\0" * before + raw).decode()
        core = coded[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
        yield from (core, core.translate(_URL_SAFE))


_URL_SAFE = str.maketrans("+/", "-_")
