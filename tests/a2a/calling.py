"""A gateway with A2A on a log in memory, and the official client of Python on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from a2a.client import ClientConfig, ClientFactory
from a2a.client.card_resolver import A2ACardResolver
from a2a.client.client import Client
from a2a.types import a2a_pb2 as a2a
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Value

from runfold.infra.artifacts.port import ArtifactStore
from runfold.infra.gateway.pushed import MemoryPushStore
from runfold.surfaces.a2a.app import Shown
from runfold.surfaces.a2a.mounting import A2ASettings, mount
from tests.http.serving import Served, serving
from tests.surfaces.answering import AnsweringLog, answering

JSONRPC, REST = "JSONRPC", "HTTP+JSON"


@contextmanager
def agents(
    folder: Path,
    log: AnsweringLog | None = None,
    *,
    shown: Shown | None = None,
    hosts: tuple[str, ...] = (),
    artifacts: ArtifactStore | None = None,
    store: MemoryPushStore | None = None,
    **more: Any,
) -> Iterator[Served]:
    """A gateway that serves agents within the block."""
    settings = A2ASettings("", folder / "card-key.pem", shown or Shown(), hosts)
    pushed = store or MemoryPushStore()
    with serving(
        log or answering(),
        mounted=lambda gateway, url: mount(gateway, settings, url, pushed, artifacts),
        **more,
    ) as served:
        yield served


@dataclass
class Agent:
    """An agent as the official client knows it, with the HTTP client below."""

    client: Client
    card: a2a.AgentCard
    http: httpx.AsyncClient

    async def send(self, message: a2a.Message, **configuration: Any) -> list[a2a.StreamResponse]:
        """Send a message and return all that is answered."""
        wanted = a2a.SendMessageConfiguration(**configuration)
        request = a2a.SendMessageRequest(message=message, configuration=wanted)
        return [each async for each in self.client.send_message(request)]

    async def task(self, message: a2a.Message, **configuration: Any) -> a2a.Task:
        """Send a message and return its task as it is after that."""
        said = await self.send(message, **configuration)
        first = said[0]
        task_id = first.task.id
        return await self.client.get_task(a2a.GetTaskRequest(id=task_id))


@asynccontextmanager
async def calling(
    url: str, key: str, agent: str = "worker", *, binding: str = JSONRPC, streaming: bool = False
) -> AsyncIterator[Agent]:
    """Fetch an agent's card and call it as it says, with a key."""
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(headers=headers, timeout=60) as http:
        resolver = A2ACardResolver(http, f"{url}/a2a/agents/{agent}")
        card = await resolver.get_agent_card()
        config = ClientConfig(
            streaming=streaming,
            httpx_client=http,
            supported_protocol_bindings=[binding],
        )
        yield Agent(ClientFactory(config).create(card), card, http)


def message(*said: Any, message_id: str = "m-1", **more: Any) -> a2a.Message:
    """A message that says texts and data."""
    parts = [
        a2a.Part(text=each) if isinstance(each, str) else a2a.Part(data=ParseDict(each, Value()))
        for each in said
    ]
    return a2a.Message(message_id=message_id, role=a2a.Role.ROLE_USER, parts=parts, **more)


def shown_in(task: a2a.Task) -> list[dict[str, Any]]:
    """What a task that waits shows to whoever decides."""
    for part in task.status.message.parts:
        if part.WhichOneof("content") == "data":
            found: list[dict[str, Any]] = MessageToDict(part.data)["waits_for"]
            return found
    return []


def name_of(state: int) -> str:
    return a2a.TaskState.Name(state).removeprefix("TASK_STATE_")
