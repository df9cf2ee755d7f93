"""Alerts: what the monitor has raised, and which of it still holds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from runfold.events import topics
from runfold.events.records.alerts import AlertCleared, AlertRaised
from runfold.producers.log.port import LogReader
from runfold.projections.queries import Views
from runfold.surfaces.application import shapes
from runfold.surfaces.application.runs.reading.inbox import approvals

_RUNS_ASKED = 5
"""Of how many of an alert's runs it is shown what they wait for."""


def alerts(
    reader: LogReader, since: datetime | None = None, views: Views | None = None
) -> list[shapes.Alert]:
    """Return the alerts that hold, and those that were cleared since a moment, the newest first.

    With ``views`` each alert that holds says what its runs wait for, as approvals are shown.
    An operator's use case, as rules are about all tenants.
    """
    said = (found.record for found in reader.read(topics.ALERTS))
    known = _folded(each for each in said if isinstance(each, AlertRaised | AlertCleared))
    shown = [
        _shape(raised, cleared, views)
        for raised, cleared in known
        if cleared is None or (since is not None and cleared.cleared_at >= since)
    ]
    return sorted(shown, key=lambda each: (each.open, each.raised_at), reverse=True)


def _folded(
    said: Iterable[AlertRaised | AlertCleared],
) -> Iterable[tuple[AlertRaised, AlertCleared | None]]:
    raised: dict[str, AlertRaised] = {}
    cleared: dict[str, AlertCleared] = {}
    for each in said:
        if isinstance(each, AlertRaised):
            raised.setdefault(each.alert_id, each)
        else:
            cleared.setdefault(each.alert_id, each)
    return [(each, cleared.get(alert_id)) for alert_id, each in raised.items()]


def _shape(raised: AlertRaised, cleared: AlertCleared | None, views: Views | None) -> shapes.Alert:
    asked = raised.run_ids[:_RUNS_ASKED] if views is not None and cleared is None else ()
    return shapes.Alert(
        alert_id=raised.alert_id,
        open=cleared is None,
        severity=raised.severity.value,
        rule=raised.rule,
        subject=raised.subject,
        summary=raised.summary,
        value=raised.value,
        threshold=raised.threshold,
        window_ms=raised.window_ms,
        raised_at=raised.raised_at,
        cleared_at=cleared.cleared_at if cleared else None,
        cleared_because=cleared.reason if cleared else None,
        run_ids=raised.run_ids,
        waits_for=tuple(
            wait for run_id in asked if views is not None for wait in approvals(views, run_id)
        ),
    )
