"""A run's events on the screen as they are committed, read from the journal itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from runfold.events import run as j
from runfold.events.run import Event
from runfold.events.traits import Tone
from runfold.surfaces.application.errors import InvalidError, NotFoundError
from runfold.surfaces.application.operations.dead_letters import dead_letter_of_run
from runfold.surfaces.application.rendering import event_of
from runfold.surfaces.application.runs import follow
from runfold.surfaces.application.runs.runs import Runs
from runfold.surfaces.application.scope import OperatorScope
from runfold.surfaces.cli import exits, output
from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.runs.asking import TO_TYPE, after_ignored, call_of, command_of
from runfold.surfaces.cli.runs.queued import QUEUED, ends_wait, waits_for
from runfold.surfaces.cli.runs.timeline import Line, Progress, laid_out, rendered, show

_IGNORED = "ignored"


def watch(
    events: Iterable[Event],
    *,
    everything: bool = False,
    json: bool = False,
    live: bool = True,
    then: Callable[[Event], None] = lambda _: None,
) -> Event | None:
    """Print events as they come, call ``then`` after each, and return the last one.

    Below what waits for a person stands the command that answers it, and below a run that its
    tenant has wait until when it does; where events are not
    ``live``, below the last of them, and only for what waits still.
    """
    console, progress, last = output.console(), Progress(), None
    waits: dict[str, str] = {}
    for event in events:
        progress, line = show(progress, event)
        if json:
            output.as_json(event_of(event))
        elif everything or line.tone is not Tone.QUIET:
            wide = console.width
            console.print(laid_out(line, wide) if console.is_terminal else rendered(line))
        last = event
        asks = _to_do(event, line, waits)
        if asks is not None and waits.get(asks[0]) != asks[1]:
            waits[asks[0]] = asks[1]
            if live and not json:
                console.print(f"{TO_TYPE}{asks[1]}", markup=False)
        then(event)
    if not live and not json and last is not None and last.fact.traits.ends is None:
        for command in waits.values():
            console.print(f"{TO_TYPE}{command}", markup=False)
    return last


def _to_do(event: Event, line: Line, waits: dict[str, str]) -> tuple[str, str] | None:
    """Return what an event asks for, by the call that it is about; what it settles goes.

    A control that changed nothing settles nothing: what was waited for waits still.
    """
    fact = event.fact
    if isinstance(fact, j.RequestIgnored):
        return _IGNORED, after_ignored(event.meta.run_id, fact.control, fact.code)
    waits.pop(call_of(fact) or "", None)
    if line.tone is not Tone.QUIET:
        waits.pop(_IGNORED, None)
    if ends_wait(event):
        waits.pop(QUEUED, None)
    if (queued := waits_for(event)) is not None:
        return QUEUED, queued
    return command_of(fact)


def followed(context: Context, runs: Runs, run_id: str) -> Iterator[Event]:
    """Yield a run's events to its end; raises an ApplicationError with the reason where none comes.

    A request that became a dead letter is named, to whoever can see every run.
    """
    try:
        events = follow.followed(
            runs.client, runs.scope, run_id, begins_within=context.begins_within
        )
        with output.waiting("the run's first event"):
            first = next(events, None)
        if first is not None:
            yield first
            yield from events
    except NotFoundError:
        if isinstance(runs.scope, OperatorScope):
            _raise_where_refused(context, run_id)
        raise


def _raise_where_refused(context: Context, run_id: str) -> None:
    letter = dead_letter_of_run(context.reader, run_id)
    if letter is not None:
        raise InvalidError(
            f"The request of run {run_id} could not be used ({letter.code}): {letter.reason}"
        )


def exit_code(last: Event | None) -> int:
    """Return the exit code for a run's last event."""
    exit_ = getattr(last.fact, "exit", None) if last else None
    return exit_.exit_code if exit_ is not None else exits.TRY_AGAIN
