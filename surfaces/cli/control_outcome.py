"""What became of a control: its effect on the journal, waited for, told in one line."""

from __future__ import annotations

from collections.abc import Callable

from runfold.events import run as j
from runfold.events.catalogue import TERMINAL_FACTS
from runfold.events.run import Event
from runfold.producers.client import RunClient
from runfold.surfaces.cli import exits, output
from runfold.surfaces.cli.faults import CliError
from runfold.surfaces.cli.watching import as_row
from runfold.surfaces.cli.words import said

_WAIT_S = 15.0


def steer(
    client: RunClient,
    run_id: str,
    send: Callable[[], str],
    *,
    json: bool = False,
    seconds: float = _WAIT_S,
) -> int:
    """Send a control, wait until the journal tells of it, say what happened, return an exit code.

    Raises CliError for a run that is not there or has ended, and where nothing is seen in time.
    """
    _must_live(client, run_id)
    event = effect_of(client, run_id, send(), seconds)
    ignored = isinstance(event.fact, j.RequestIgnored)
    if json:
        output.as_json({"applied": not ignored, **as_row(event)})
    else:
        style = "yellow" if ignored else "green"
        line = f"{said(event.fact)} ({event.meta.status.value} after event {event.meta.seq})"
        output.console().print(line, style=style, markup=False)
    return exits.NO if ignored else exits.OK


def effect_of(client: RunClient, run_id: str, request_id: str, seconds: float = _WAIT_S) -> Event:
    """Return the first event that a control led to; raises CliError where there is none."""
    ended: Event | None = None
    for event in client.events(run_id, follow=True, timeout=seconds):
        if getattr(event.fact, "request_id", None) == request_id:
            return event
        if isinstance(event.fact, TERMINAL_FACTS):
            ended = event
    if ended is not None:
        raise _over(ended)
    raise CliError(
        f"The request is published, but nothing of it is on the journal after {seconds:g} s: see "
        "`runfold status` and `runfold deadletters`.",
        exits.TRY_AGAIN,
    )


def _must_live(client: RunClient, run_id: str) -> None:
    last: Event | None = None
    for event in client.events(run_id):
        last = event
    if last is None:
        raise CliError(f"Run {run_id} has no events on the journal.", exits.NOT_FOUND)
    if isinstance(last.fact, TERMINAL_FACTS):
        raise _over(last)


def _over(last: Event) -> CliError:
    return CliError(
        f"Run {last.meta.run_id} has ended already, as {last.meta.status.value}: nothing changed.",
        exits.NO,
    )
