"""The one table of metrics: name, kind, labels, unit and formula of each, and its counter.

A room defines its metrics at import, beside what counts them; ``docs/metrics.md``, the dashboards
and the alert rules are held against this table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from runfold.infra.metrics.bounded import Bounded

Kind = Literal["counter", "gauge", "histogram"]

LABELS: frozenset[str] = frozenset(
    {
        "action", "agent", "arguments", "attempt", "by", "code", "control", "decision", "direction",
        "effect", "error_type", "exit_code", "fallback", "kind", "limit", "model", "name",
        "outcome", "partition", "passed", "pattern", "process", "provider", "state", "status",
        "tool", "topic", "verdict", "view",
    }
)  # fmt: skip
"""Every label there may be. None of them names a run, a call, a person or a tenant: those have no
bound, and belong into the views and the traces."""

SECONDS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300,
)  # fmt: skip
"""Buckets of a call or a transaction."""

LONG_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600, 14400, 86400)
"""Buckets of what may wait for a person."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the table; ``formula`` says what is counted, and from what."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    unit: str
    formula: str
    process: str

    @property
    def exported(self) -> tuple[str, ...]:
        """The names under which Prometheus sees it."""
        match self.kind:
            case "counter":
                return (f"{self.name}_total",)
            case "gauge":
                return (self.name,)
            case "histogram":
                return (f"{self.name}_bucket", f"{self.name}_sum", f"{self.name}_count")


class Table:
    """Makes metrics in a registry of its own and remembers what each one says."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics: dict[str, Metric] = {}
        # When a series began is not needed here and would be half of what is exported.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def counter(
        self, name: str, formula: str, labels: Sequence[str] = (), *, process: str, unit: str = "1"
    ) -> Bounded[Counter]:
        """Define what only grows; it starts at 0 with its process."""
        row = self._add(Metric(name, "counter", tuple(labels), unit, formula, process))
        return Bounded(Counter(name, formula, row.labels, registry=self.registry), row.labels)

    def gauge(
        self, name: str, formula: str, labels: Sequence[str] = (), *, process: str, unit: str = "1"
    ) -> Bounded[Gauge]:
        """Define what goes up and down."""
        row = self._add(Metric(name, "gauge", tuple(labels), unit, formula, process))
        return Bounded(Gauge(name, formula, row.labels, registry=self.registry), row.labels)

    def histogram(
        self,
        name: str,
        formula: str,
        labels: Sequence[str] = (),
        *,
        process: str,
        unit: str = "seconds",
        buckets: Sequence[float] = SECONDS,
    ) -> Bounded[Histogram]:
        """Define what has a distribution."""
        row = self._add(Metric(name, "histogram", tuple(labels), unit, formula, process))
        made = Histogram(name, formula, row.labels, registry=self.registry, buckets=buckets)
        return Bounded(made, row.labels)

    def exported(self) -> frozenset[str]:
        """Return every name that an expression may use."""
        return frozenset(name for row in self.metrics.values() for name in row.exported)

    def _add(self, row: Metric) -> Metric:
        unknown = sorted(set(row.labels) - LABELS)
        if unknown:
            raise ValueError(
                f"{row.name} has the labels {unknown}: use those of LABELS, whose values are few."
            )
        if not row.name.startswith("runfold_") or row.name in self.metrics:
            raise ValueError(f"{row.name} must begin with runfold_ and be defined once.")
        self.metrics[row.name] = row
        return row


TABLE = Table()
"""The metrics of Runfold; a process exports those whose modules it imports."""
