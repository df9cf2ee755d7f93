"""What the samples of a soak come to."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.support.trend import an_hour, percentile, second_half


@dataclass(frozen=True, slots=True)
class Sample:
    """What there was after so many seconds: memory and busy cores by process, sizes in MB.

    ``open`` runs and records ``behind`` are the most since the sample before; the times from due
    to completion are those of the runs that ended since then.
    """

    s: float
    memory_mb: dict[str, float]
    cores: dict[str, float]
    open: int
    behind: int
    completed: int
    journal_mb: float
    database_mb: float
    run_p50_ms: float
    run_p99_ms: float

    def line(self) -> str:
        """Return it as a person reads it."""
        memory = ", ".join(f"{name} {mb:.0f}" for name, mb in self.memory_mb.items())
        cores = ", ".join(f"{name} {busy:.2f}" for name, busy in self.cores.items())
        return (
            f"{self.s:6.0f} s  {self.completed:,} done, {self.open:,} open, {self.behind:,} behind,"
            f" p50 {self.run_p50_ms:.0f} p99 {self.run_p99_ms:.0f} ms; MB: {memory},"
            f" journal {self.journal_mb:.0f}, database {self.database_mb:.0f}; cores: {cores}"
        )


def summary(samples: Sequence[Sample], took: Sequence[float]) -> dict[str, Any]:
    """Return percentiles over everything, the trends of the second half, and the samples."""
    return {
        "run_p50_ms": percentile(took, 50),
        "run_p99_ms": percentile(took, 99),
        "trends": {"memory": memory(samples), "lag": lag(samples)},
        "samples": [asdict(each) for each in samples],
    }


def memory(samples: Sequence[Sample]) -> dict[str, dict[str, float]]:
    """Return by process the MB at first, at last and more an hour, and the mean of busy cores."""
    names = samples[0].memory_mb if samples else {}
    found = {}
    for name in names:
        points = [(each.s, each.memory_mb[name]) for each in samples if name in each.memory_mb]
        found[name] = {
            "first_mb": points[0][1],
            "last_mb": points[-1][1],
            "mb_an_hour": round(an_hour(second_half(points)), 1),
            "cores": round(statistics.fmean(each.cores.get(name, 0.0) for each in samples), 2),
        }
    return found


def lag(samples: Sequence[Sample]) -> dict[str, float]:
    """Return the most records that the views lacked, the median, and how it grows an hour."""
    points = [(each.s, float(each.behind)) for each in samples]
    return {
        "most": max((each.behind for each in samples), default=0),
        "median": statistics.median(each.behind for each in samples) if samples else 0,
        "an_hour": round(an_hour(second_half(points))),
    }
