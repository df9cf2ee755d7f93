"""Tasks as the official client sees them: sent, waited for, decided, streamed, cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from a2a.types import a2a_pb2 as a2a

from tests.a2a.calling import JSONRPC, REST, agents, calling, message, name_of, shown_in
from tests.deciders.given import RUN
from tests.deciders.given import request as asked
from tests.http.serving import Served
from tests.support.builders.stories import WRITES
from tests.surfaces.answering import answering


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with agents(tmp_path, answering(asked(), WRITES)) as found:
        yield found


@pytest.mark.parametrize("binding", [JSONRPC, REST])
def test_a_task_waits_for_a_person_who_decides(served: Served, binding: str) -> None:
    async def work() -> None:
        async with calling(served.url, served.key(), binding=binding) as agent:
            task = await agent.client.get_task(a2a.GetTaskRequest(id=RUN))
            assert name_of(task.status.state) == "INPUT_REQUIRED"
            (wait,) = shown_in(task)
            assert (wait["kind"], wait["tool"], wait["arguments"]) == (
                "approval", "write", {"path": "a"},
            )
            said = {"decision": "approve", "call_id": wait["call_id"]}
            said["shown_digest"] = wait["shown_digest"]
            await agent.send(message(said, task_id=RUN), return_immediately=True)
            after = await agent.client.get_task(a2a.GetTaskRequest(id=RUN))
            assert name_of(after.status.state) == "WORKING"

    asyncio.run(work())
