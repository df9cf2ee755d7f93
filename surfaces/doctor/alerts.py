"""The monitor's alerts that hold: what its rules say is beside what the other checks find."""

from __future__ import annotations

from collections.abc import Iterator

from runfold.events.records.alerts import Severity
from runfold.surfaces.application.operations.alerts import alerts
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.finding import Finding, ok, span, warning, wrong

_SHOWN = 10


def check(deployment: Deployment) -> Iterator[Finding]:
    """Find alerts that hold; one that pages is wrong, a ticket needs attention."""
    holding = alerts(deployment.reader)
    for each in holding[:_SHOWN]:
        find = wrong if each.severity == Severity.PAGE.value else warning
        yield find(
            "alerts",
            f"{each.rule} for {each.subject}: {each.summary} ({each.value}, allowed "
            f"{each.threshold}), since {span(deployment.age(each.raised_at))}",
            "`runfold alerts` shows the runs that prove it",
        )
    if len(holding) > _SHOWN:
        todo = "`runfold alerts` lists all"
        yield warning("alerts", f"and {len(holding) - _SHOWN} more alerts hold", todo)
    if not holding:
        yield ok("alerts", "none holds")
