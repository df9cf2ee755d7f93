"""The monitor's snapshot as Prometheus metrics; label values are bounded by the rules' ``top``."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from runfold.processors.monitor.core.snapshot import Snapshot

_BY = ["window", "by", "subject"]
_ALERT = ["rule", "subject", "severity"]

Family = GaugeMetricFamily | CounterMetricFamily


class SnapshotCollector(Collector):
    """Tells the newest snapshot; says nothing before there is one."""

    def __init__(self, newest: Callable[[], Snapshot | None]) -> None:
        self._newest = newest

    def describe(self) -> list[Family]:
        """Return nothing beforehand, so that registering it needs no snapshot."""
        return []

    def collect(self) -> Iterator[Family]:
        """Yield every family of the newest snapshot."""
        now = self._newest()
        if now is not None:
            yield from _counts(now)
            yield from _rows(now)
            yield from _judgements(now)


def _counts(now: Snapshot) -> Iterator[Family]:
    yield GaugeMetricFamily(
        "runfold_monitor_as_of_timestamp_seconds",
        "The moment that all facts before are counted of",
        now.as_of.timestamp(),
    )
    taken = CounterMetricFamily(
        "runfold_monitor_records", "Records taken since the monitor began", labels=["kind"]
    )
    for kind, count in now.tally.items():
        taken.add_metric([kind], count)
    yield taken
    live = GaugeMetricFamily("runfold_monitor_live_runs", "Live runs", labels=["status"])
    for status, count in now.live.items():
        live.add_metric([status], count)
    yield live
    yield GaugeMetricFamily("runfold_monitor_stuck_runs", "Runs silent too long", now.stuck_total)
    yield GaugeMetricFamily(
        "runfold_monitor_waiting_runs", "Runs that wait for a person", now.waiting_total
    )
    yield GaugeMetricFamily(
        "runfold_monitor_oldest_wait_seconds",
        "How long the oldest of them waits",
        now.waiting[0].waits_s or 0 if now.waiting else 0,
    )


def _rows(now: Snapshot) -> Iterator[Family]:
    totals = GaugeMetricFamily(
        "runfold_monitor_window", "A metric's total in a window", labels=["metric", *_BY]
    )
    percentiles = GaugeMetricFamily(
        "runfold_monitor_window_ms",
        "A duration's percentile in a window",
        labels=["metric", "percentile", *_BY],
    )
    for row in now.rows:
        place = [row.window, row.by, row.subject]
        for metric, amount in row.totals.items():
            totals.add_metric([metric, *place], amount)
        for metric, found in row.percentiles.items():
            for percent, value in found.items():
                percentiles.add_metric([metric, percent, *place], value)
    yield totals
    yield percentiles


def _judgements(now: Snapshot) -> Iterator[Family]:
    burns = GaugeMetricFamily(
        "runfold_monitor_burn_rate",
        "How many times too fast an error budget burns",
        labels=["objective", "subject", "window"],
    )
    for burn in now.burns:
        burns.add_metric([burn.objective, burn.subject, burn.window], burn.rate)
    yield burns
    alerts = GaugeMetricFamily("runfold_monitor_alert", "1 while an alert is raised", labels=_ALERT)
    for alert in now.alerts:
        alerts.add_metric([alert.rule, alert.subject, alert.severity.value], 1)
    yield alerts
