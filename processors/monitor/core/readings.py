"""The values of metrics at one moment, for one subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from functools import cached_property

from runfold.events.values import RunStatus
from runfold.processors.monitor.core import windows
from runfold.processors.monitor.core.metrics import AGENT, ALL, METRICS, OTHER, TENANT, Kind
from runfold.processors.monitor.core.runs import LiveRun, Runs
from runfold.processors.monitor.core.store import Store

PROOFS = 20
"""How many runs an alert names at most."""

OLDEST_WAIT = "oldest_wait_s"
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Moment:
    """Everything that is known at ``now``."""

    store: Store
    runs: Runs
    allowed: Mapping[RunStatus, timedelta | None]
    now: datetime

    @cached_property
    def stuck(self) -> list[LiveRun]:
        """Return the live runs that are silent for longer than allowed, the longest first."""
        found = [run for run in self.runs.live.values() if self._is_stuck(run)]
        return sorted(found, key=lambda run: (run.last, run.run_id))

    @cached_property
    def waiting(self) -> list[LiveRun]:
        """Return the live runs that wait for a person, the longest first."""
        found = [(run.waits_since(), run) for run in self.runs.live.values() if run.asked]
        return [run for _, run in sorted(found, key=lambda each: (each[0], each[1].run_id))]

    def _is_stuck(self, run: LiveRun) -> bool:
        until = run.silent_until(self.allowed)
        return until is not None and self.now > until

    def gauged(self, metric: str) -> list[LiveRun]:
        """Return the runs that a gauge is made of."""
        match metric:
            case "stuck_runs":
                return self.stuck
            case "live_runs":
                return list(self.runs.live.values())
            case _:
                return self.waiting

    def subjects(self, metric: str, by: str) -> list[str]:
        """Return the subjects that a metric has something to say about."""
        if METRICS[metric].kind is Kind.GAUGE:
            return sorted({_name(run, by) for run in self.gauged(metric)})
        return self.store.subjects(metric, by)


@dataclass(frozen=True, slots=True)
class SubjectReadings:
    """The values for one subject of one dimension; all of them where ``by`` is None."""

    moment: Moment
    by: str | None
    subject: str
    window: timedelta

    def total(self, metric: str, window: timedelta | None) -> Fraction:
        """Return the sum over a window."""
        return self.moment.store.total(metric, *self._of(), window or self.window, self._now)

    def durations(self, metric: str, window: timedelta | None) -> dict[int, int]:
        """Return how often each duration occurred in a window."""
        return self.moment.store.durations(metric, *self._of(), window or self.window, self._now)

    def percentile(self, metric: str, percent: int, window: timedelta | None) -> Fraction | None:
        """Return a percentile over a window, None of nothing."""
        found = windows.percentile(self.durations(metric, window), percent)
        return None if found is None else Fraction(found)

    def gauge(self, metric: str) -> Fraction:
        """Return the value of the moment."""
        runs = self._gauged(metric)
        if metric != OLDEST_WAIT:
            return Fraction(len(runs))
        since = min((at for run in runs if (at := run.waits_since())), default=self._now)
        return Fraction(max(0, (self._now - since) // _SECOND))

    def told(self, metric: str) -> str:
        """Return who is asked in the run that waits longest, where a metric is about that."""
        longest = self._gauged(metric)[:1] if metric == OLDEST_WAIT else []
        asks = longest[0].asks() if longest else None
        return "" if asks is None else f"; {longest[0].run_id} {asks}"

    def proof(self, metric: str) -> tuple[str, ...]:
        """Return the newest runs that a metric counted, or those a gauge is made of."""
        if METRICS[metric].kind is Kind.GAUGE:
            return tuple(run.run_id for run in self._gauged(metric)[:PROOFS])
        return self.moment.store.runs(metric, *self._of(), self.window, self._now, PROOFS)

    def _gauged(self, metric: str) -> list[LiveRun]:
        runs = self.moment.gauged(metric)
        if self.by is None:
            return runs
        return [run for run in runs if _name(run, self.by) == self.subject]

    def _of(self) -> tuple[str, str]:
        return (ALL, ALL) if self.by is None else (self.by, self.subject)

    @property
    def _now(self) -> datetime:
        return self.moment.now


def _name(run: LiveRun, by: str) -> str:
    return {AGENT: run.agent, TENANT: run.tenant}.get(by, OTHER)
