"""What the monitor shows of a moment: rows by dimension, burn rates, runs to look at, alerts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from runfold.events.records.alerts import AlertRaised
from runfold.processors.monitor.core import windows
from runfold.processors.monitor.core.findings import burn_rate
from runfold.processors.monitor.core.metrics import ALL, DIMENSIONS, METRICS, OTHER, Kind
from runfold.processors.monitor.core.monitor import Monitor
from runfold.processors.monitor.core.periods import written
from runfold.processors.monitor.core.readings import Moment
from runfold.processors.monitor.core.runs import LiveRun

WINDOWS = (timedelta(minutes=5), timedelta(hours=1))
LISTED = 50
"""How many runs a list shows at most."""

_PERCENTILES = (50, 95, 99)


@dataclass(frozen=True, slots=True)
class Row:
    """The totals of a window and its percentiles in ms, of one subject."""

    window: str
    by: str
    subject: str
    totals: dict[str, float]
    percentiles: dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class BurnRow:
    """How many times too fast an error budget burns over one window."""

    objective: str
    subject: str
    window: str
    rate: float


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run to look at."""

    run_id: str
    agent: str
    tenant: str
    status: str
    last_event: str
    silent_s: int
    waits_s: int | None
    asks: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that is shown; ``as_of`` is the moment that all facts before were counted of."""

    as_of: datetime
    tally: dict[str, int]
    full: tuple[str, ...]
    live: dict[str, int]
    stuck_total: int
    waiting_total: int
    stuck: tuple[RunRow, ...]
    waiting: tuple[RunRow, ...]
    alerts: tuple[AlertRaised, ...]
    burns: tuple[BurnRow, ...]
    rows: tuple[Row, ...]

    def as_json(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        shown = {name: value for name, value in asdict(self).items() if name != "alerts"}
        shown["as_of"] = self.as_of.isoformat()
        shown["alerts"] = [alert.model_dump(mode="json") for alert in self.alerts]
        return shown


def snapshot(monitor: Monitor, now: datetime) -> Snapshot:
    """Return what is to be shown of a moment."""
    moment = monitor.moment(now)
    live: dict[str, int] = {}
    for run in monitor.runs.live.values():
        live[run.status.value] = live.get(run.status.value, 0) + 1
    return Snapshot(
        as_of=now,
        tally={
            **asdict(monitor.tally),
            "gaps": monitor.runs.gaps,
            "forgotten": monitor.runs.forgotten,
        },
        full=tuple(sorted(monitor.store.full)),
        live=live,
        stuck_total=len(moment.stuck),
        waiting_total=len(moment.waiting),
        stuck=tuple(_run_row(run, now) for run in moment.stuck[:LISTED]),
        waiting=tuple(_run_row(run, now) for run in moment.waiting[:LISTED]),
        alerts=tuple(monitor.alerts.raised.values()),
        burns=tuple(_burns(monitor, moment)),
        rows=tuple(_rows(monitor, moment)),
    )


def _run_row(run: LiveRun, now: datetime) -> RunRow:
    since = run.waits_since()
    return RunRow(
        run_id=run.run_id,
        agent=run.agent,
        tenant=run.tenant,
        status=run.status.value,
        last_event=run.last.isoformat(),
        silent_s=int((now - run.last).total_seconds()),
        waits_s=None if since is None else int((now - since).total_seconds()),
        asks=run.asks(),
    )


def _burns(monitor: Monitor, moment: Moment) -> Iterator[BurnRow]:
    for objective in monitor.book.objectives:
        found = {window for burn in objective.burns for window in (burn.short, burn.long)}
        subjects = [ALL]
        if objective.by is not None:
            metric = objective.total.metrics[0]
            subjects = moment.subjects(metric, objective.by)[: monitor.book.top]
        for subject in subjects:
            for window in sorted(found):
                rate = burn_rate(objective, moment, subject, window)
                if rate is not None:
                    yield BurnRow(objective.name, subject, written(window), float(rate))


def _rows(monitor: Monitor, moment: Moment) -> Iterator[Row]:
    for window in WINDOWS:
        yield _row(moment, window, ALL, ALL, [ALL])
        for by in DIMENSIONS:
            ranked = _ranked(moment, by, window)
            top = [subject for subject in ranked if subject != OTHER][: monitor.book.top]
            for subject in top:
                yield _row(moment, window, by, subject, [subject])
            rest = [subject for subject in ranked if subject not in top]
            if rest:
                yield _row(moment, window, by, OTHER, rest)


def _ranked(moment: Moment, by: str, window: timedelta) -> list[str]:
    """Return the subjects of a dimension, those with the most to count first."""
    weight: dict[str, Fraction] = {}
    for metric in ("events", "model_calls", "tool_calls"):
        for subject in moment.store.subjects(metric, by):
            counted = moment.store.total(metric, by, subject, window, moment.now)
            weight[subject] = weight.get(subject, Fraction(0)) + counted
    return sorted(weight, key=lambda subject: (-weight[subject], subject))


def _row(moment: Moment, window: timedelta, by: str, subject: str, parts: list[str]) -> Row:
    totals: dict[str, float] = {}
    percentiles: dict[str, dict[str, float]] = {}
    store, now = moment.store, moment.now
    for metric in METRICS.values():
        if metric.kind is Kind.GAUGE or (by != ALL and by not in metric.by):
            continue
        if metric.kind is Kind.TOTAL:
            amount = sum(store.total(metric.name, by, part, window, now) for part in parts)
            totals[metric.name] = float(amount)
            continue
        merged: dict[int, int] = {}
        for part in parts:
            for value, count in store.durations(metric.name, by, part, window, now).items():
                merged[value] = merged.get(value, 0) + count
        if merged:
            percentiles[metric.name] = {
                f"p{percent}": float(windows.percentile(merged, percent) or 0)
                for percent in _PERCENTILES
            }
    return Row(written(window), by, subject, totals, percentiles)
