"""Who is one person: names are compared by what they say, and not by how they are spelled."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_UNSEEN = frozenset({"Cc", "Cf"})
"""The categories of characters that nobody sees: controls, joiners, marks of direction."""


@lru_cache(maxsize=4096)
def folded(name: str) -> str:
    """Return what two spellings of one name share: case, width, composition and blanks are gone.

    It is for telling persons apart who must be different, where in doubt they are one. Letters of
    other scripts that look alike stay different. Empty where a name says nothing.
    """
    seen = "".join(each for each in name if unicodedata.category(each) not in _UNSEEN)
    wide = unicodedata.normalize("NFKC", seen).casefold()
    # What was folded may compose anew.
    return "".join(unicodedata.normalize("NFKC", wide).split())
