"""A run as people watch it: one line an event, with its time, status and the cost so far [164]."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from rich.table import Table
from rich.text import Text

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.run import Event
from runfold.events.traits import Cause, Tone, charge_of
from runfold.events.values import RunStatus
from runfold.surfaces.cli import output
from runfold.surfaces.words import said, shortened, spent

_DAY = timedelta(days=1)
_LONGEST = 200
_LEAST = 24


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
    dated: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """What must be known of the earlier events to show the next one.

    ``dated`` says that the time of day is not enough: the run began more than a day ago.
    """

    began: datetime | None = None
    dated: bool = False
    cost: Decimal = Decimal(0)
    unpriced: int = 0


def show(progress: Progress, event: Event) -> tuple[Progress, Line]:
    """Return an event's line, and what the next one needs to know."""
    at, fact = event.meta.time, event.fact
    began = progress.began or at
    dated = progress.dated or max(at, datetime.now(UTC)) - began > _DAY
    progress = replace(progress, began=began, dated=dated)
    if (charge := charge_of(fact)) is not None:
        if charge.cost is None:
            progress = replace(progress, unpriced=progress.unpriced + 1)
        else:
            progress = replace(progress, cost=progress.cost + charge.cost)
    return progress, Line(
        at=at,
        elapsed=at - (progress.began or at),
        status=event.meta.status,
        text=decided(event),
        tone=tone_of(fact),
        cost=progress.cost,
        unpriced=progress.unpriced,
        dated=dated,
    )


def decided(event: Event) -> str:
    """Return what an event says, with who decided it where a person or a policy did."""
    text, actor = said(event.fact), event.meta.actor
    name, kind = shortened(actor.id), actor.kind.value
    who = f"{name} ({kind})"
    match event.fact:
        case j.ToolCallApproved(request_id=None):
            return f"{text} ({kind} {name})"
        case j.ToolCallDenied():
            return text.replace(" denied:", f" denied by {who}:", 1)
        case j.HumanInputReceived():
            return text.replace(" answered:", f" answered by {who}:", 1)
        case _ if event.fact.traits.cause in {Cause.SENDER, Cause.POLICY_OR_SENDER}:
            return text.replace(" by a person", f" by {who}", 1)
        case _:
            return text


def tone_of(fact: Fact) -> Tone:
    """Return how loud an event is."""
    if isinstance(fact, j.PolicyDecided) and fact.effect is not j.PolicyEffect.PERMIT:
        return Tone.WARNING
    if isinstance(fact, j.ToolCallApproved) and fact.request_id is None:
        return Tone.QUIET
    return fact.traits.tone


def rendered(line: Line) -> Text:
    """Return a line with its colours on one line, of a length that people read; JSON has all."""
    head = _head(line)
    short = replace(line, text=shortened(line.text, _LONGEST - len(head) - 2))
    return Text.assemble(head, _words(short))


def laid_out(line: Line, width: int = 80) -> Table:
    """Return a line for a terminal: what does not fit goes on under its own column.

    On a terminal too narrow for two columns, the words stand below.
    """
    head, grid = _head(line), Table.grid()
    if width < len(head) + _LEAST:
        grid.add_column(overflow="fold")
        grid.add_row(Text(head.plain.rstrip(), "dim"))
        grid.add_row(_words(line))
        return grid
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(head, _words(line))
    return grid


def _head(line: Line) -> Text:
    at = output.moment(line.at) if line.dated else f"{line.at.astimezone():%H:%M:%S}"
    return Text.assemble(
        (f"{at} ", "dim"),
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
