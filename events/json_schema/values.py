"""JSON values: read within bounds, compared as JSON compares, shown in a few characters."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Hashable
from math import isfinite
from typing import Any, NoReturn

from runfold.events.json_schema.bounds import MAX_DEPTH, MAX_VALUE_BYTES, UncheckableError

_SHOWN_CHARS = 60
_MAX_LOADED_DEPTH = 512
_MAX_DIGITS = 4_300
# Never fails at a quote, so that a text costs one pass: an open string reaches to the end.
_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)

# Python imports a codec when it is used first: within a decision, that would open a file.
for _name in ("utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-16-le"):
    codecs.lookup(_name)
for _name in ("utf-32", "utf-32-be", "utf-32-le"):
    codecs.lookup(_name)

TYPES: dict[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: (
        (isinstance(value, int) and not isinstance(value, bool))
        or (isinstance(value, float) and value.is_integer())
    ),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def parsed(text: bytes) -> Any:
    """Return the value of a JSON text; raises UncheckableError for what is none, or beyond bounds.

    The depth is counted before anything is parsed: where a parser gives up depends on its caller.
    """
    if len(text) > MAX_VALUE_BYTES:
        raise UncheckableError(f"they are longer than {MAX_VALUE_BYTES:,} bytes")
    if _depth(text) > MAX_DEPTH:
        raise UncheckableError(f"they are nested deeper than {MAX_DEPTH} levels")
    try:
        return _loaded(text)
    except ValueError as error:
        raise UncheckableError("they are not JSON") from error


def loaded(text: bytes) -> Any:
    """Return the value of a JSON text, the same on every machine; raises ValueError for others.

    Where Python's parser gives up at a depth, or at a number's length, depends on who calls it and
    on the environment.
    """
    if _depth(text) > _MAX_LOADED_DEPTH:
        raise ValueError(f"it is nested deeper than {_MAX_LOADED_DEPTH} levels")
    return _loaded(text)


def _loaded(text: bytes) -> Any:
    return json.loads(text, parse_constant=_no_constant, parse_int=_integer, parse_float=_fraction)


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"a number has more than {_MAX_DIGITS} digits")
    return int(digits)


def _fraction(digits: str) -> float:
    value = float(digits)
    if not isfinite(value):
        raise ValueError(f"{digits[:20]} is not a number that a double can hold")
    return value


def _depth(text: bytes) -> int:
    depth = deepest = 0
    for token in _TOKENS.finditer(text):
        first = token[0][:1]
        if first in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif first in b"]}":
            depth -= 1
    return deepest


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def key_of(value: Any, spend: Callable[[int], None]) -> Hashable:
    """Return what is equal for equal JSON values: 1 and 1.0 are, 1 and true are not.

    ``spend`` is told the steps it takes.
    """
    spend(1)
    if isinstance(value, dict):
        return "o", frozenset((name, key_of(each, spend)) for name, each in value.items())
    if isinstance(value, list):
        return "a", tuple(key_of(each, spend) for each in value)
    if isinstance(value, bool) or value is None:
        return "c", value
    return ("s" if isinstance(value, str) else "n"), value


def shown(value: Any) -> str:
    """Return a value as a few characters of JSON, or what it is where it is large."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, str):
        cut = value if len(value) <= _SHOWN_CHARS else f"{value[: _SHOWN_CHARS - 1]}…"
        return json.dumps(cut, ensure_ascii=False)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**_SHOWN_CHARS:
        return "a number of more than 60 digits"
    return json.dumps(value)


def depth_of(value: Any) -> int:
    """Return how many arrays and objects are open at the deepest place of a value."""
    depth, level = 0, [value]
    while level:
        level = [each for each in level if isinstance(each, dict | list)]
        depth += bool(level)
        level = [
            inner for each in level for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if depth > 10 * MAX_DEPTH:
            break
    return depth


_SPACE = re.compile(r"[ \t\n\r]*")
_PARSER = json.JSONDecoder()


def without_member(text: str, name: str) -> str:
    """Return the text of a JSON object without a member, the rest as it is, to the character.

    The text must be one that ``loaded`` takes. A member that is there twice goes twice.
    """
    at = _skip(text, text.index("{") + 1)
    kept: list[str] = []
    while text[at] != "}":
        begin = at
        found, at = _PARSER.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)
        _, at = _PARSER.raw_decode(text, at)
        if found != name:
            kept.append(text[begin:at])
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return "{" + ",".join(kept) + "}"


def _skip(text: str, at: int) -> int:
    """Return the first place at or after this one that is no white space."""
    found = _SPACE.match(text, at)
    return found.end() if found else at
