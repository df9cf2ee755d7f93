"""Regular expressions of schemas: ECMA-262's, matched by RE2 in linear time.

A pattern is read here and written again for RE2, so that what the two take differently either means
what ECMA-262 says or is refused with the reason. Refused are back references, look-behind, flags,
and look-ahead anywhere but at the head of an anchored pattern: there each one is a pattern of its
own that must match, or must not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

from runfold.events.json_schema.bounds import (
    MAX_PATTERN_CHARS,
    MAX_PATTERN_WEIGHT,
    SchemaRefusedError,
)
from runfold.events.json_schema.pattern_reader import Reader

_BYTES_A_STEP = 5_000


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern ready to match: ``ahead`` holds what must match first, or with False must not."""

    ahead: tuple[tuple[bool, Any], ...]
    body: Any
    weight: int

    def found_in(self, text: str) -> bool:
        """Return whether the pattern is found anywhere in a text without half surrogates."""
        return all((one.search(text) is not None) is wanted for wanted, one in self.ahead) and (
            self.body.search(text) is not None
        )

    def steps(self, text: str) -> int:
        """Return how many steps a match of the text counts."""
        return 1 + len(text) * self.weight // _BYTES_A_STEP


@lru_cache(maxsize=8192)
def pattern_of(source: str) -> Pattern:
    """Return a pattern; raises SchemaRefusedError with the reason, a clause."""
    if len(source) > MAX_PATTERN_CHARS:
        raise SchemaRefusedError(f"the pattern is longer than {MAX_PATTERN_CHARS:,} characters")
    read = Reader(source).read()
    if read.weight > MAX_PATTERN_WEIGHT:
        raise SchemaRefusedError("the pattern repeats too much: bound the length instead")
    ahead = tuple((wanted, _compiled(each, source)) for wanted, each in read.ahead)
    return Pattern(ahead, _compiled(read.body, source), max(1, read.weight))


def _compiled(written: str, source: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    try:
        return re2.compile(written, options=options)
    except re2.error as error:
        shown = source if len(source) <= 60 else f"{source[:59]}…"
        raise SchemaRefusedError(f"the pattern {shown} cannot be matched by RE2") from error
