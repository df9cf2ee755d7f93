"""``alerts``: what the monitor has raised, on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from runfold.stack.errors import StackError
from runfold.surfaces.application.operations.alerts import alerts
from runfold.surfaces.application.shapes import Alert
from runfold.surfaces.cli import output
from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.runs.approvals import lines

_STYLES = {"page": "bold red", "ticket": "yellow"}
_RUNS = 5


def show_alerts(context: Context, since: datetime | None, *, json: bool) -> None:
    """Print the alerts that hold, and those that were cleared since a moment."""
    found = _found(context, since)
    if json:
        output.as_json(found)
        return
    for each in found:
        _print(each)
    holding = sum(each.open for each in found)
    output.console().print(f"{holding} alerts hold." if holding else "No alert holds.")


def _found(context: Context, since: datetime | None) -> Sequence[Alert]:
    # The log alone says which alerts there are; what their runs wait for is in the views.
    try:
        with context.views(None) as views:
            return alerts(context.reader, since, views)
    except (SQLAlchemyError, StackError):
        return alerts(context.reader, since)


def _print(each: Alert) -> None:
    console = output.console()
    style = _STYLES.get(each.severity, "") if each.open else "dim"
    console.print(f"{each.severity}  {each.rule}  {each.subject}: {each.summary}", style=style)
    until = f", cleared {output.moment(each.cleared_at)}" if each.cleared_at else ""
    because = f" ({each.cleared_because})" if each.cleared_because else ""
    console.print(f"  since      {output.moment(each.raised_at)}{until}{because}")
    console.print(f"  value      {each.value}, allowed {each.threshold}")
    if each.run_ids:
        console.print(f"  runs       {', '.join(each.run_ids[:_RUNS])}")
    for wait in each.waits_for:
        console.print(f"  waits      {output.short(wait.call_id)}  {wait.question}")
        for name, value in lines(wait):
            console.print(f"    {name:<10} {value}")
