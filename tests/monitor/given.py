"""A monitor with rules, and runs that it has seen."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from textwrap import dedent

from runfold.processors.monitor.core.monitor import Monitor
from runfold.processors.monitor.core.rules import AlertRules
from runfold.processors.monitor.rule_files import read_rules
from tests.support.builders.timed import NOON, Run


def take(monitor: Monitor, *runs: Run) -> Monitor:
    for run in runs:
        for event in run.events:
            monitor.take(event)
    return monitor


def rules(folder: Path, body: str) -> AlertRules:
    file = folder / "rules.yaml"
    file.write_text("version: 1\n" + dedent(body))
    return read_rules([file])


def watching(folder: Path, body: str, covered_from: datetime | None = None) -> Monitor:
    """A monitor with these rules that has seen everything since the day before."""
    monitor = Monitor(rules(folder, body))
    monitor.covered_from = covered_from or NOON - timedelta(days=1)
    return monitor
