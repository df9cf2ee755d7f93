"""Follow and steer runs on an event loop: with the same guarantees as ``follow`` and ``steer``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from runfold.events import run as journal
from runfold.events.errors import EventsError
from runfold.producers.client import AsyncRunClient
from runfold.producers.client.deciding import shown_in
from runfold.producers.errors import LogError
from runfold.producers.errors import NotYetError as LogNotYet
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import NotYetError, no_run
from runfold.surfaces.application.rendering import completion_of, event_of, outcome_of
from runfold.surfaces.application.runs.asking.steer import (
    READ_WITHIN_S,
    WITHIN_S,
    is_effect,
    must_live,
    no_effect,
    unknown_effect,
)
from runfold.surfaces.application.runs.follow import BEGINS_WITHIN_S, exit_of, not_ended
from runfold.surfaces.application.runs.reading.run_detail import RunFold
from runfold.surfaces.application.scope import Scope


async def status(client: AsyncRunClient, scope: Scope, run_id: str) -> shapes.RunDetail:
    """Return where a run stands, folded from the journal; raises NotFoundError."""
    folded = RunFold()
    async for event in journal_of(client, scope, run_id):
        folded.take(event)
    detail = folded.detail()
    assert detail is not None
    return detail


async def events(
    client: AsyncRunClient,
    scope: Scope,
    run_id: str,
    *,
    after_seq: int = 0,
    follow: bool = False,
    timeout: float | None = None,  # noqa: ASYNC109 - as its blocking twin
    begins_within: float = BEGINS_WITHIN_S,
) -> AsyncIterator[shapes.Event]:
    """Yield a run's events after ``after_seq``; with ``follow`` as they come, to the last one."""
    found = (
        followed(client, scope, run_id, after_seq, timeout, begins_within)
        if follow
        else journal_of(client, scope, run_id, after_seq)
    )
    async for event in found:
        yield event_of(event)


async def journal_of(
    client: AsyncRunClient, scope: Scope, run_id: str, after_seq: int = 0
) -> AsyncIterator[journal.Event]:
    """Yield what is committed of a run, as the journal has it; raises NotFoundError."""
    known = False
    async for event in client.events(run_id):
        if not scope.sees(event.meta.tenant_id):
            break
        known = True
        if event.meta.seq > after_seq:
            yield event
    if not known:
        raise no_run(run_id)


async def followed(
    client: AsyncRunClient,
    scope: Scope,
    run_id: str,
    after_seq: int = 0,
    timeout: float | None = None,  # noqa: ASYNC109 - as its blocking twin
    begins_within: float = BEGINS_WITHIN_S,
) -> AsyncIterator[journal.Event]:
    """Yield a run's events as the journal has them, those that were and those that come."""
    hub = client.hubs.events
    async with hub.async_following(run_id, after_seq, timeout=begins_within) as following:
        past = await following.past()
        coming = following.coming()
        if following.tenant_id is None:
            past = [event for event in (await anext(coming, None),) if event is not None]
        if not scope.sees(following.tenant_id):
            # As long as for a run that is not there: the time must not tell them apart.
            await asyncio.sleep(following.left())
            raise no_run(run_id)
        following.extend(timeout)
        for event in past:
            yield event
        async for event in coming:
            yield event


async def wait(
    client: AsyncRunClient,
    scope: Scope,
    run_id: str,
    timeout: float | None = None,  # noqa: ASYNC109 - as its blocking twin
) -> shapes.Completion:
    """Return how a run ended, once it has; raises NotYetError after ``timeout`` seconds."""
    until = None if timeout is None else time.monotonic() + timeout
    try:
        event = await client.completion(run_id, timeout)
    except LogNotYet as error:
        raise NotYetError(str(error)) from error
    if not scope.sees(event.meta.tenant_id):
        # As for a run that is not there.
        with suppress(TimeoutError):
            async with asyncio.timeout(None if until is None else until - time.monotonic()):
                await asyncio.Event().wait()
        raise NotYetError(not_ended(run_id, timeout))
    return completion_of(exit_of(event))


async def steer(
    client: AsyncRunClient,
    scope: Scope,
    run_id: str,
    send: Callable[[AsyncRunClient], Awaitable[str]],
    within: float = WITHIN_S,
) -> shapes.ControlOutcome:
    """Send a control, and return the first event that it led to; raises as its blocking twin."""
    async with client.hubs.events.async_following(run_id, timeout=READ_WITHIN_S) as following:
        past = await following.past()
        tenant_id = must_live(following, past, scope, run_id)
        request_id = await send(client.in_name_of(tenant_id, seen=shown_in(past)))
        following.extend(within)
        last: journal.Event | None = None
        try:
            async for event in following.coming():
                if is_effect(event, request_id):
                    return outcome_of(event)
                last = event
        except (EventsError, LogError) as error:
            raise unknown_effect(error, request_id) from error
    raise no_effect(last, within, request_id)
