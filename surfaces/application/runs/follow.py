"""Follow a run: where it stands, what happens in it, how it ends.

A run of another tenant is treated as one that is not there, in words and in time.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import takewhile

from runfold.events import run as journal
from runfold.events.values import Exit
from runfold.producers.client import RunClient
from runfold.producers.errors import NotYetError as LogNotYet
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import NotFoundError, NotYetError, no_run
from runfold.surfaces.application.rendering import completion_of, event_of
from runfold.surfaces.application.runs.reading.run_detail import RunFold
from runfold.surfaces.application.scope import Scope

BEGINS_WITHIN_S = 15.0
"""How long a run that was just requested may take to its first event."""

_LONG_S = 3600.0


def status(client: RunClient, scope: Scope, run_id: str) -> shapes.RunDetail:
    """Return where a run stands, folded from the journal; raises NotFoundError."""
    detail = fold(client, scope, run_id).detail()
    assert detail is not None
    return detail


def fold(client: RunClient, scope: Scope, run_id: str, at: int | None = None) -> RunFold:
    """Return a run after event ``at``, or after its latest; raises NotFoundError."""
    folded = RunFold()
    events = journal_of(client, scope, run_id)
    for event in events if at is None else takewhile(lambda each: each.meta.seq <= at, events):
        folded.take(event)
    last = folded.last
    assert last is not None
    if at is not None and last.meta.seq < at:
        raise NotFoundError(f"Run {run_id} has {last.meta.seq} events, not {at}.")
    return folded


def events(
    client: RunClient,
    scope: Scope,
    run_id: str,
    *,
    after_seq: int = 0,
    follow: bool = False,
    timeout: float | None = None,
    begins_within: float = BEGINS_WITHIN_S,
) -> Iterator[shapes.Event]:
    """Yield a run's events after ``after_seq``; with ``follow`` as they come, to the last one.

    Raises NotFoundError where the run has no event ``begins_within`` seconds after it is asked
    for. Ends quietly after ``timeout`` seconds.
    """
    found = (
        followed(client, scope, run_id, after_seq, timeout, begins_within)
        if follow
        else journal_of(client, scope, run_id, after_seq)
    )
    for event in found:
        yield event_of(event)


def journal_of(
    client: RunClient, scope: Scope, run_id: str, after_seq: int = 0
) -> Iterator[journal.Event]:
    """Yield what is committed of a run, as the journal has it; raises NotFoundError."""
    known = False
    for event in client.events(run_id):
        if not scope.sees(event.meta.tenant_id):
            break
        known = True
        if event.meta.seq > after_seq:
            yield event
    if not known:
        raise no_run(run_id)


def followed(
    client: RunClient,
    scope: Scope,
    run_id: str,
    after_seq: int = 0,
    timeout: float | None = None,
    begins_within: float = BEGINS_WITHIN_S,
) -> Generator[journal.Event]:
    """Yield a run's events as the journal has them, those that were and those that come."""
    hub = client.hubs.events
    with hub.following(run_id, after_seq, timeout=begins_within) as following:
        past = following.past()
        coming = following.coming()
        if following.tenant_id is None:
            past = [event for event in (next(coming, None),) if event is not None]
        if not scope.sees(following.tenant_id):
            # As long as for a run that is not there: the time must not tell them apart.
            time.sleep(following.left())
            raise no_run(run_id)
        following.extend(timeout)
        yield from past
        yield from coming


def accepted(
    client: RunClient, scope: Scope, run_id: str, within: float
) -> journal.RunCreated | None:
    """Return what a run was accepted with; None where it was not, or not within some seconds."""
    try:
        with closing(followed(client, scope, run_id, begins_within=within)) as found:
            first = next(found, None)
    except NotFoundError:
        return None
    return first.fact if first and isinstance(first.fact, journal.RunCreated) else None


def wait(
    client: RunClient, scope: Scope, run_id: str, timeout: float | None = None
) -> shapes.Completion:
    """Return how a run ended, once it has; raises NotYetError after ``timeout`` seconds."""
    until = None if timeout is None else time.monotonic() + timeout
    try:
        event = client.completion(run_id, timeout)
    except LogNotYet as error:
        raise NotYetError(str(error)) from error
    if not scope.sees(event.meta.tenant_id):
        # As for a run that is not there.
        while until is None or time.monotonic() < until:
            time.sleep(_LONG_S if until is None else max(0.0, until - time.monotonic()))
        raise NotYetError(not_ended(run_id, timeout))
    return completion_of(exit_of(event))


def not_ended(run_id: str, timeout: float | None) -> str:
    """Return the sentence for a run that has not ended in time."""
    return f"Run {run_id} has not ended within {timeout or 0:g} s; it may still."


def exit_of(event: journal.Event) -> Exit:
    """Return the exit record of a run's last event."""
    found: Exit = event.fact.exit  # type: ignore[attr-defined]
    return found
