"""Steer a run once, however often its requester asks: by a key of the requester's own.

The key chooses the id of the control's request. A run that has heard of a request passes over it
when it comes again, so that it may be sent again whenever nobody knows whether it arrived.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from runfold.infra.gateway.asked import Asked
from runfold.producers.client import AsyncRunClient
from runfold.producers.log.port import LogReader
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import NoEffectYetError, NotFoundError
from runfold.surfaces.application.rendering import outcome_of
from runfold.surfaces.application.runs import async_follow
from runfold.surfaces.application.runs.asking.once import Once
from runfold.surfaces.application.runs.asking.steer import is_effect
from runfold.surfaces.application.runs.async_runs import AsyncRuns
from runfold.surfaces.application.runs.reading.accepted import steer

Send = Callable[[AsyncRunClient], Awaitable[str]]


class Steered(NamedTuple):
    """What became of a control; ``repeated`` where it was sent before.

    ``outcome`` is None where it is durable, and nothing of it is on record yet.
    """

    request_id: str
    outcome: shapes.ControlOutcome | None
    repeated: bool


async def steer_once(
    once: Once, asked: Asked, runs: AsyncRuns, reader: LogReader, run_id: str, send: Send
) -> Steered:
    """Send a control, or find what became of it when this request was made before.

    Raises what ``Once.submit`` and ``steer`` raise.
    """
    made: list[shapes.ControlOutcome] = []

    async def make(request_id: str) -> None:
        try:
            made.append(
                await steer(runs, reader, run_id, lambda client: send(client.asking_as(request_id)))
            )
        except NoEffectYetError:
            # It is durable: what was asked for is done, and its effect may still come.
            return

    async def has_effect(request_id: str) -> bool:
        return await effect_of(runs, run_id, request_id) is not None

    request_id, repeated = await once.submit(asked, make, has_effect, ages=False)
    outcome = made[0] if made else None
    if repeated and outcome is None:
        outcome = await effect_of(runs, run_id, request_id)
    return Steered(request_id, outcome, repeated)


async def effect_of(runs: AsyncRuns, run_id: str, request_id: str) -> shapes.ControlOutcome | None:
    """Return the first event on the journal that a control led to, None where there is none."""
    try:
        async for event in async_follow.journal_of(runs.client, runs.scope, run_id):
            if is_effect(event, request_id):
                return outcome_of(event)
    except NotFoundError:
        # It has only been asked for, or is nobody's business: then nothing came of it.
        return None
    return None
