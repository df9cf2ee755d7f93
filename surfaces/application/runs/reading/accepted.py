"""Runs that were asked for: there from the moment that their request is durable.

The journal has a run once the run processor has taken its request. Until then it is on
``runs.requests``, and who was told that it is accepted must find it.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

from runfold.events import topics
from runfold.events.records.commands import RunRequested
from runfold.events.values import RunStatus
from runfold.producers.client import AsyncRunClient
from runfold.producers.follow.history import beginning
from runfold.producers.log.port import LogReader
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import NotFoundError, NotYetError, no_run
from runfold.surfaces.application.rendering import text_of
from runfold.surfaces.application.runs import async_follow
from runfold.surfaces.application.runs.async_runs import AsyncRuns, Send
from runfold.surfaces.application.runs.reading.run_detail import identity_of
from runfold.surfaces.application.scope import Scope


def request_of(reader: LogReader, run_id: str) -> RunRequested | None:
    """Return the first request for a run that is on the log, None where there is none."""
    for each in reader.read(topics.REQUESTS, beginning(run_id), key=run_id):
        if isinstance(each.record, RunRequested):
            return each.record
    return None


async def detail(
    client: AsyncRunClient, reader: LogReader, scope: Scope, run_id: str
) -> shapes.RunDetail:
    """Return where a run stands, also where it has only been asked for: ``seq`` is 0 then.

    Raises NotFoundError. For a run of somebody else it looks in both places, too.
    """
    try:
        return await async_follow.status(client, scope, run_id)
    except NotFoundError:
        found = await asyncio.to_thread(request_of, reader, run_id)
        if found is None or not scope.sees(found.tenant_id):
            raise no_run(run_id) from None
        return only_asked_for(found)


async def steer(
    runs: AsyncRuns, reader: LogReader, run_id: str, send: Send
) -> shapes.ControlOutcome:
    """Steer a run, also one that has only been asked for: its begin is waited for then.

    Raises what ``AsyncRuns.steer`` raises, and NotYetError where the run does not begin in time.
    """
    try:
        return await runs.steer(run_id, send)
    except NotFoundError:
        if (await detail(runs.client, reader, runs.scope, run_id)).seq == 0:
            begun = async_follow.events(runs.client, runs.scope, run_id, follow=True)
            try:
                async for _ in begun:
                    break
            except NotFoundError:
                raise NotYetError(
                    f"Run {run_id} has not begun: see that a run processor runs, and ask again."
                ) from None
    return await runs.steer(run_id, send)


def view_of(found: shapes.RunDetail) -> shapes.RunView:
    """Return where a run stands with its card."""
    fields = {name: getattr(found, name) for name in shapes.RunDetail.model_fields}
    card = shapes.StatusCard(
        current_run=found.goal,
        status=found.status,
        last_action=found.last_action,
        next_proposed_action=found.next_action,
        requires_approval=found.requires_approval,
        estimated_cost_so_far=found.cost_usd,
    )
    return shapes.RunView(**fields, card=card)


def only_asked_for(request: RunRequested) -> shapes.RunDetail:
    """Return where a run stands that the run processor has not begun."""
    nothing = shapes.Used(
        step=0,
        model_calls=0,
        tool_calls=0,
        retries=0,
        input_tokens=0,
        output_tokens=0,
        unpriced_calls=0,
        cost_usd=Decimal(0),
    )
    return shapes.RunDetail(
        run_id=request.run_id,
        tenant_id=request.tenant_id,
        user_id=request.user_id,
        agent=request.agent,
        agent_version=request.agent_version,
        model="",
        goal=text_of(request.goal),
        status=RunStatus.CREATED,
        seq=0,
        created_at=request.requested_at,
        updated_at=request.requested_at,
        cost_usd=nothing.cost_usd,
        unpriced_calls=0,
        used=nothing,
        last_event="RunRequested",
        last_action="asked for",
        next_action=None,
        requires_approval=False,
        waits_for=(),
        calls=(),
        exit=None,
        identity=identity_of(request),
    )
