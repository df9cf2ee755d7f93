"""Who should own which partitions; who does own them is decided by the transactional id."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

Given = Callable[[Sequence[int]], None]
Taken = Callable[[Sequence[int]], None]


class Ownership(Protocol):
    """One port for both ways of assigning partitions; all calls come from one thread.

    ``taken`` must return only when nothing more is written for those partitions by this process.
    """

    def start(self, given: Given, taken: Taken) -> None:
        """Begin; ``given`` and ``taken`` are called from within ``poll`` and ``close``."""
        ...

    def poll(self, timeout: float) -> None:
        """Look for changes for up to ``timeout`` seconds."""
        ...

    def assigned(self) -> frozenset[int]:
        """Return the partitions that this process should own now."""
        ...

    def close(self) -> None:
        """Give everything up, so that others may take it at once."""
        ...
