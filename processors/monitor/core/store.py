"""Every series of the monitor, by metric, dimension and subject, bounded in number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from runfold.processors.monitor.core import windows
from runfold.processors.monitor.core.metrics import ALL, METRICS, OTHER, Kind
from runfold.processors.monitor.core.windows import Series

SUBJECTS = 100
"""How many names of a dimension are told apart; later ones are counted as ``other``."""


@dataclass(frozen=True, slots=True)
class Observation:
    """Something to count: ``labels`` gives the subject in each dimension that is known."""

    metric: str
    at: datetime
    amount: Decimal | int = 1
    labels: Mapping[str, str] = field(default_factory=dict)
    run_id: str = ""


class Store:
    """Windowed counts; names that are silent for as long as ``kept`` make room for new ones.

    ``full`` are the dimensions that have more names than are told apart.
    """

    def __init__(self, kept: timedelta, subjects: int = SUBJECTS) -> None:
        self._kept = kept
        self._most = subjects
        self._series: dict[tuple[str, str], dict[str, Series]] = {}
        self._names: dict[str, set[str]] = {}
        self.full: set[str] = set()

    def add(self, seen: Observation) -> None:
        """Count an observation in all of its dimensions."""
        metric = METRICS[seen.metric]
        self._one(metric.name, ALL, ALL).add(seen.at, seen.amount, seen.run_id)
        for by in metric.by:
            name = seen.labels.get(by)
            if name:
                subject = self._subject(by, name)
                self._one(metric.name, by, subject).add(seen.at, seen.amount, seen.run_id)

    def subjects(self, metric: str, by: str) -> list[str]:
        """Return the subjects that a metric has been counted for."""
        return sorted(self._series.get((metric, by), ()))

    def total(
        self, metric: str, by: str, subject: str, window: timedelta, now: datetime
    ) -> Fraction:
        """Return a metric's sum over a window, exactly."""
        series = self._find(metric, by, subject)
        return windows.total(series.cells(window, now)) if series else Fraction(0)

    def durations(
        self, metric: str, by: str, subject: str, window: timedelta, now: datetime
    ) -> dict[int, int]:
        """Return how often each duration, rounded, occurred in a window."""
        series = self._find(metric, by, subject)
        return windows.durations(series.cells(window, now)) if series else {}

    def runs(
        self, metric: str, by: str, subject: str, window: timedelta, now: datetime, most: int
    ) -> tuple[str, ...]:
        """Return runs that a metric was counted for in a window, newest first."""
        series = self._find(metric, by, subject)
        return windows.proofs(series.cells(window, now), most) if series else ()

    def prune(self, now: datetime) -> None:
        """Forget what no window reaches any more."""
        alive: dict[str, set[str]] = {}
        for (_, by), named in self._series.items():
            for subject in [name for name, series in named.items() if not series.prune(now)]:
                del named[subject]
            alive.setdefault(by, set()).update(named)
        self._names = alive
        self.full = {by for by in self.full if OTHER in alive.get(by, ())}

    def _subject(self, by: str, name: str) -> str:
        known = self._names.setdefault(by, set())
        if name not in known:
            if len(known) >= self._most:
                self.full.add(by)
                return OTHER
            known.add(name)
        return name

    def _one(self, metric: str, by: str, subject: str) -> Series:
        named = self._series.setdefault((metric, by), {})
        found = named.get(subject)
        if found is None:
            duration = METRICS[metric].kind is Kind.DURATION
            found = named[subject] = Series(duration=duration, kept=self._kept)
        return found

    def _find(self, metric: str, by: str, subject: str) -> Series | None:
        return self._series.get((metric, by), {}).get(subject)
