"""Making texts as long as a profile lets them be, at the end of a sentence where there is one."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from runfold.surfaces.visible import on_one_line, visible

SENTENCES = {"terse": 2, "short": 5, "normal": 40, "detailed": 10_000}
CHARACTERS = {"terse": 240, "short": 700, "normal": 4_000, "detailed": 1_000_000}
ITEMS = {"light": 3, "moderate": 7, "heavy": 1_000, None: 1_000}

_END = re.compile(r"(?<=[.!?…])[\"')\]]*\s+|\n{2,}")
_LONGEST_READ = 1_000_000
_DEEPEST = 6


class Cut(NamedTuple):
    """A text, and whether something of it was left out."""

    text: str
    cut: bool


def shorten(text: str, sentences: int, characters: int) -> Cut:
    """Return so many sentences of a text, and no more characters."""
    text = visible(text[:_LONGEST_READ].replace("\r\n", "\n")).strip()
    ends = [found.start() for found in _END.finditer(text)]
    whole = text
    if len(ends) >= sentences:
        whole = text[: ends[sentences - 1]].rstrip()
    if len(whole) > characters:
        fitting = [end for end in ends if end <= characters - 2]
        at = fitting[-1] if fitting and fitting[-1] > characters // 3 else 0
        # Where no sentence ends, at a word: the mark says that it goes on.
        whole = whole[:at].rstrip() if at else f"{_at_a_word(whole, characters - 1)}…"
    return Cut(whole, len(whole) < len(text))


def _at_a_word(text: str, most: int) -> str:
    piece = text[:most]
    cut = piece.rfind(" ")
    return piece[:cut].rstrip() if cut > most // 2 else piece


def one_line(text: str, most: int) -> str:
    """Return a text on one line, of so many characters at most."""
    line = on_one_line(" ".join(text.split()))
    return line if len(line) <= most else f"{line[: most - 1]}…"


def in_words(value: Any, most: int = 200, depth: int = 0) -> str:
    """Return a JSON value in words on one line."""
    if depth > _DEEPEST:
        return "…"
    match value:
        case None:
            text = "nothing"
        case bool():
            text = "yes" if value else "no"
        case dict():
            parts = (f"{name}: {in_words(held, most, depth + 1)}" for name, held in value.items())
            text = "; ".join(parts)
        case list() | tuple():
            text = ", ".join(in_words(each, most, depth + 1) for each in value)
        case _:
            text = str(value)
    return one_line(text, most)
