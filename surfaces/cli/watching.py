"""A run's events on the screen as they are committed, read from the journal itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from runfold.events import topics
from runfold.events.operations import DeadLetter
from runfold.events.run import Event
from runfold.events.traits import Tone
from runfold.projections.rendering.readable import readable
from runfold.surfaces.cli import exits, output
from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.faults import CliError
from runfold.surfaces.cli.timeline import Progress, laid_out, rendered, show

_FIRST_EVENT_S = 15.0


def watch(
    events: Iterable[Event],
    *,
    everything: bool = False,
    json: bool = False,
    then: Callable[[Event], None] = lambda _: None,
) -> Event | None:
    """Print events as they come, call ``then`` after each, and return the last one."""
    console, progress, last = output.console(), Progress(), None
    for event in events:
        progress, line = show(progress, event)
        if json:
            output.as_json(as_row(event))
        elif everything or line.tone is not Tone.QUIET:
            console.print(laid_out(line) if console.is_terminal else rendered(line))
        last = event
        then(event)
    return last


def as_row(event: Event) -> dict[str, Any]:
    """Return an event as JSON shows it, with its contents readable."""
    meta = event.meta
    return {
        "run_id": meta.run_id,
        "seq": meta.seq,
        "type": event.type,
        "time": meta.time,
        "status": meta.status.value,
        "tenant_id": meta.tenant_id,
        "cause": meta.cause,
        "actor": {"kind": meta.actor.kind.value, "id": meta.actor.id},
        "fact": json.loads(readable(event.fact)),
    }


def has_begun(context: Context, run_id: str, seconds: float = _FIRST_EVENT_S) -> None:
    """Return once a run has an event; raises CliError with the reason where none comes in time."""
    for _ in context.client("", "").events(run_id, follow=True, timeout=seconds):
        return
    for found in context.reader.read(topics.DEAD_LETTERS):
        letter = found.record
        if isinstance(letter, DeadLetter) and letter.key == run_id.encode():
            raise CliError(
                f"The request of run {run_id} could not be used ({letter.code}): {letter.reason}",
                exits.BAD_INPUT,
            )
    raise CliError(
        f"Run {run_id} has no event on the journal: was it requested, and does the run processor "
        "run? `runfold status` tells.",
        exits.NOT_FOUND,
    )


def exit_code(last: Event | None) -> int:
    """Return the exit code that a run's last event amounts to."""
    exit_ = getattr(last.fact, "exit", None) if last else None
    return exit_.exit_code if exit_ is not None else exits.TRY_AGAIN
