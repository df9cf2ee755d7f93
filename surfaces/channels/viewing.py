"""Looking at a run on behalf of a channel: from the journal, which cannot lag."""

from __future__ import annotations

from runfold.producers.client import AsyncRunClient, RunClient
from runfold.producers.log.port import LogReader
from runfold.surfaces.application.errors import NotFoundError, no_run
from runfold.surfaces.application.runs import async_follow
from runfold.surfaces.application.runs.follow import journal_of
from runfold.surfaces.application.runs.reading.accepted import detail
from runfold.surfaces.application.scope import Scope
from runfold.surfaces.channels.composing.picture import Picture, asked_for, picture_of


def look(client: RunClient, scope: Scope, run_id: str) -> Picture:
    """Return a run as it stands; raises NotFoundError."""
    found = picture_of(journal_of(client, scope, run_id))
    if found is None:
        raise no_run(run_id)
    return found


async def look_at(client: AsyncRunClient, reader: LogReader, scope: Scope, run_id: str) -> Picture:
    """Return a run as it stands, also one that was only asked for; raises NotFoundError."""
    try:
        events = [event async for event in async_follow.journal_of(client, scope, run_id)]
    except NotFoundError:
        return asked_for(await detail(client, reader, scope, run_id))
    found = picture_of(events)
    if found is None:
        raise no_run(run_id)
    return found
