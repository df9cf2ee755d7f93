"""What was sent stands: what goes wrong while its effect is waited for is no refusal."""

from __future__ import annotations

import asyncio

import pytest

from runfold.events import topics
from runfold.events.errors import WireError
from runfold.producers.client import AsyncRunClient, Hubs, RunClient
from runfold.surfaces.application.errors import NoEffectYetError
from runfold.surfaces.application.runs import async_follow
from runfold.surfaces.application.runs.asking.steer import steer
from runfold.surfaces.application.scope import TenantScope
from tests.deciders.given import RUN, TENANT, request
from tests.support.builders.stories import WRITES
from tests.surfaces.answering import AnsweringLog, answering

SCOPE = TenantScope(TENANT)


@pytest.fixture
def log() -> AnsweringLog:
    made = answering(request(), WRITES)
    made.deaf = True
    return made


def broken(hubs: Hubs) -> None:
    """Let a record come for the run that cannot be read, as a follower is told of it."""
    for follower in hubs.events.tail._followers[RUN.encode()]:
        follower.offer(WireError("unreadable", "It is no record."))  # type: ignore[arg-type]


def test_a_control_that_was_sent_is_told_as_sent(log: AnsweringLog) -> None:
    hubs = Hubs(log)
    client = RunClient(log, log, TENANT, "ann", hubs)

    def send(speaking: RunClient) -> str:
        sent = speaking.tell(RUN, "hello")
        broken(hubs)
        return sent

    with pytest.raises(NoEffectYetError, match="is published, and what follows") as told:
        steer(client, SCOPE, RUN, send)
    (control,) = log.read(topics.CONTROLS)
    assert told.value.request_id == control.record.request_id  # type: ignore[union-attr]


def test_a_control_that_was_sent_on_a_loop_is_told_as_sent(log: AnsweringLog) -> None:
    async def told() -> str:
        hubs = Hubs(log)
        client = AsyncRunClient(log, log, TENANT, "ann", hubs)

        async def send(speaking: AsyncRunClient) -> str:
            sent = await speaking.tell(RUN, "hello")
            broken(hubs)
            return sent

        with pytest.raises(NoEffectYetError, match="is published, and what follows") as error:
            await async_follow.steer(client, SCOPE, RUN, send)
        return error.value.request_id

    request_id = asyncio.run(told())
    (control,) = log.read(topics.CONTROLS)
    assert request_id == control.record.request_id  # type: ignore[union-attr]
