"""Rows as lines of a COPY, made while their values are in the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

OPTIONS: Final = "(NULL E'\\x1e')"
"""What the COPY statement must say of these lines."""

NULL: Final = "\x1e"
"""No value; without a backslash, so that a line without any has nothing to escape."""

_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", NULL: "\\x1e"})


# The events of one decision share their moment.
moment_text = lru_cache(1024)(datetime.isoformat)
"""A moment as COPY takes it."""


class _Texts(dict[type, Callable[[Any], str]]):
    """How the values of each class are written."""

    def __missing__(self, kind: type) -> Callable[[Any], str]:
        if not issubclass(kind, str):
            raise TypeError(f"COPY has no form here for a {kind.__name__}.")
        self[kind] = str.__str__
        return str.__str__


_TEXTS = _Texts(
    {
        type(None): lambda _: NULL,
        int: repr,
        bool: lambda value: "t" if value else "f",
        Decimal: str,
        datetime: moment_text,
    }
)


def lines_of(rows: Iterable[tuple[Any, ...]]) -> list[str]:
    """Return a line a row; raises TypeError for a value that no view has had so far."""
    texts, lines = _TEXTS, list[str]()
    for row in rows:
        values = [each if each.__class__ is str else texts[each.__class__](each) for each in row]
        line = "\t".join(values)
        if not is_sound(line, len(values), row.count(None)):
            line = "\t".join(
                [
                    text if value is None else text.translate(_ESCAPED)
                    for value, text in zip(row, values, strict=True)
                ]
            )
        lines.append(line)
    return lines


def is_sound(line: str, values: int, nulls: int) -> bool:
    """Return whether values that were joined by tabs say what they said before."""
    return not (
        "\\" in line
        or "\n" in line
        or "\r" in line
        or line.count("\t") != values - 1
        or line.count(NULL) != nulls
    )
