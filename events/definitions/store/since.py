"""What held at a position, of a list in the order of the topic."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Protocol, TypeVar


class Since(Protocol):
    """Something that holds from a position on."""

    @property
    def since(self) -> int:
        """The position."""
        ...


T = TypeVar("T", bound=Since)


def last(items: Sequence[T] | None, position: int) -> T | None:
    """Return the last item that held at a position, if any."""
    if not items:
        return None
    if items[-1].since <= position:
        return items[-1]
    found = bisect_right(items, position, key=lambda item: item.since)
    return items[found - 1] if found else None
