"""The partitions from which a pool wants answers, and whether they are followed already."""

from __future__ import annotations

import threading
from collections.abc import Iterable


class Places:
    """Changed by the pool's thread and by those who ask, noted by the one who reads."""

    def __init__(self) -> None:
        self._followed: dict[int, bool] = {}
        self._lock = threading.Lock()

    def want(self, partitions: Iterable[int]) -> None:
        """Want the answers of further partitions."""
        with self._lock:
            for partition in partitions:
                self._followed.setdefault(partition, False)

    def leave(self, partitions: Iterable[int]) -> None:
        """Want no answers of these any more."""
        with self._lock:
            for partition in partitions:
                self._followed.pop(partition, None)

    def wanted(self) -> dict[int, bool]:
        """Return what is wanted, each with whether it is followed."""
        with self._lock:
            return dict(self._followed)

    def follow(self, partitions: Iterable[int], *, now: bool = True) -> None:
        """Note whether these are followed, unless they are not wanted any more."""
        with self._lock:
            for partition in partitions:
                if partition in self._followed:
                    self._followed[partition] = now

    def followed(self, partition: int) -> bool | None:
        """Return whether a partition is followed, None where it is not wanted."""
        with self._lock:
            return self._followed.get(partition)
