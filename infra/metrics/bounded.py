"""Metrics whose labels cannot grow without bound, whatever a client or a model writes."""

from __future__ import annotations

import threading
from typing import Generic, Protocol, TypeVar

OTHER = "other"
"""The label value that stands for all values beyond the bound."""

MOST_VALUES = 100
MOST_PARTITIONS = 1000
_MOST_CHILDREN = 2000
_LONGEST = 80


class Collector(Protocol):
    """What prometheus-client's metrics have in common here."""

    def labels(self, *values: str) -> Collector:
        """Return the child with these label values."""
        ...


C = TypeVar("C", bound=Collector)


class Bounded(Generic[C]):
    """Gives children of a metric by label values; from any thread.

    A label has at most MOST_VALUES values (``partition`` 1000), the metric at most 2,000 children;
    whatever comes after that counts as ``other``, so that nothing is lost from the sums.
    """

    def __init__(self, metric: C, labels: tuple[str, ...]) -> None:
        self.metric = metric
        self._most = tuple(MOST_PARTITIONS if n == "partition" else MOST_VALUES for n in labels)
        self._seen: tuple[set[str], ...] = tuple(set() for _ in labels)
        self._children: dict[tuple[str, ...], C] = {}
        self._lock = threading.Lock()

    def __call__(self, *values: str) -> C:
        """Return the child to count with."""
        found = self._children.get(values)
        return self._new(values) if found is None else found

    def _new(self, values: tuple[str, ...]) -> C:
        if not self._most:
            return self.metric
        with self._lock:
            kept = tuple(map(self._kept, range(len(values)), values))
            if kept not in self._children:
                if len(self._children) >= _MOST_CHILDREN:
                    kept = (OTHER,) * len(values)
                self._children[kept] = self.metric.labels(*kept)  # type: ignore[assignment]
            return self._children[kept]

    def _kept(self, place: int, value: str) -> str:
        seen, value = self._seen[place], value[:_LONGEST]
        if value not in seen:
            if len(seen) >= self._most[place]:
                return OTHER
            seen.add(value)
        return value
