"""A run as people watch it: one line an event, with its time, status and the cost so far [164]."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from rich.table import Table
from rich.text import Text

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.run import Event
from runfold.events.traits import Tone, charge_of
from runfold.events.values import RunStatus
from runfold.surfaces.words import said, spent


@dataclass(frozen=True, slots=True)
class Line:
    """One event of a run as it is shown; ``cost`` is what the run has cost so far."""

    at: datetime
    elapsed: timedelta
    status: RunStatus
    text: str
    tone: Tone
    cost: Decimal
    unpriced: int


@dataclass(frozen=True, slots=True)
class Progress:
    """What must be known of the earlier events to show the next one."""

    began: datetime | None = None
    cost: Decimal = Decimal(0)
    unpriced: int = 0


def show(progress: Progress, event: Event) -> tuple[Progress, Line]:
    """Return an event's line, and what the next one needs to know."""
    at, fact = event.meta.time, event.fact
    progress = replace(progress, began=progress.began or at)
    if (charge := charge_of(fact)) is not None:
        if charge.cost is None:
            progress = replace(progress, unpriced=progress.unpriced + 1)
        else:
            progress = replace(progress, cost=progress.cost + charge.cost)
    return progress, Line(
        at=at,
        elapsed=at - (progress.began or at),
        status=event.meta.status,
        text=said(fact),
        tone=tone_of(fact),
        cost=progress.cost,
        unpriced=progress.unpriced,
    )


def tone_of(fact: Fact) -> Tone:
    """Return how loud an event is."""
    if isinstance(fact, j.PolicyDecided) and fact.effect is not j.PolicyEffect.PERMIT:
        return Tone.WARNING
    if isinstance(fact, j.ToolCallApproved) and fact.request_id is None:
        return Tone.QUIET
    return fact.traits.tone


def rendered(line: Line) -> Text:
    """Return a line with its colours, as long as it is."""
    return Text.assemble(_head(line), _words(line))


def laid_out(line: Line) -> Table:
    """Return a line for a terminal: what does not fit goes on under its own column."""
    grid = Table.grid()
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(_head(line), _words(line))
    return grid


def _head(line: Line) -> Text:
    return Text.assemble(
        (f"{line.at.astimezone():%H:%M:%S} ", "dim"),
        (f"{line.elapsed.total_seconds():>7.2f}s ", "dim"),
        (f"{line.status.value:<17} ", _STATUS_STYLES.get(line.status, "cyan")),
        (f"{spent(line.cost, line.unpriced):>8}  ", "dim"),
    )


def _words(line: Line) -> Text:
    return Text(f"{_MARKS[line.tone]} {line.text}", _STYLES[line.tone])


_STYLES = {
    Tone.QUIET: "dim",
    Tone.PLAIN: "",
    Tone.ASK: "bold magenta",
    Tone.WARNING: "yellow",
    Tone.GOOD: "bold green",
    Tone.BAD: "bold red",
}
_MARKS = {
    Tone.QUIET: "·",
    Tone.PLAIN: "•",
    Tone.ASK: "?",
    Tone.WARNING: "!",
    Tone.GOOD: "✓",
    Tone.BAD: "✗",
}
_STATUS_STYLES = {
    RunStatus.COMPLETED: "green",
    RunStatus.FAILED: "red",
    RunStatus.CANCELLED: "red",
    RunStatus.PAUSED: "yellow",
    RunStatus.WAITING_FOR_HUMAN: "magenta",
    RunStatus.RUNNING_TOOL: "blue",
}
