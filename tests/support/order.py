"""In which order tests are handed to the workers: the files that take longest first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

_LONG = ("crash", "integration")
"""The marks of what takes long, the longest first."""


class Collected(Protocol):
    """What is asked of a test that pytest has collected."""

    @property
    def nodeid(self) -> str:
        """Its file and its name."""

    def get_closest_marker(self, name: str) -> object:
        """Return the mark of this name, or None."""


Item = TypeVar("Item", bound=Collected)


def longest_first(items: Iterable[Item]) -> list[Item]:
    """Return the tests in an order in which no long file is left for the end.

    A file stays together, as early as its longest test; every test keeps its place in its file.
    """
    found = list(items)
    ranks: dict[str, int] = {}
    for item in found:
        file = _file(item)
        ranks[file] = min(ranks.get(file, len(_LONG)), _rank(item))
    return sorted(found, key=lambda item: ranks[_file(item)])


def _file(item: Collected) -> str:
    return item.nodeid.partition("::")[0]


def _rank(item: Collected) -> int:
    marked = (rank for rank, name in enumerate(_LONG) if item.get_closest_marker(name))
    return next(marked, len(_LONG))
