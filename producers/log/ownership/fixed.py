"""Ownership by configuration: the embedded default, and replicas with a number of their own."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from runfold.producers.log.ownership.port import Given, Taken


class FixedOwnership:
    """Owns the same partitions from start to close."""

    def __init__(self, partitions: Sequence[int]) -> None:
        self._partitions = tuple(partitions)
        self._taken: Taken | None = None
        self._idle = threading.Event()

    def start(self, given: Given, taken: Taken) -> None:
        """Give all partitions at once."""
        self._taken = taken
        given(self._partitions)

    def poll(self, timeout: float) -> None:
        """Wait; nothing ever changes."""
        self._idle.wait(timeout)

    def assigned(self) -> frozenset[int]:
        """Return the configured partitions."""
        return frozenset(self._partitions)

    def close(self) -> None:
        """Take all partitions back."""
        if self._taken is not None:
            self._taken(self._partitions)
