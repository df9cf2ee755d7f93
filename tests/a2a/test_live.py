"""The official clients on the real stack: Kafka, Postgres, gateways that are killed."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from a2a.client.client import ClientCallContext
from a2a.client.errors import A2AClientError
from a2a.types import a2a_pb2 as a2a
from a2a.utils.errors import A2AError, InvalidParamsError
from a2a.utils.signing import create_signature_verifier
from google.protobuf.json_format import MessageToDict
from jwt import PyJWK

from tests.a2a.calling import Agent, calling, message, name_of, shown_in
from tests.a2a.javascript_client import drive
from tests.a2a.live import product as whole
from tests.http.product import Product, gateway
from tests.projections.running import wait_caught_up
from tests.support import stack
from tests.support.stack import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def product(servers: stack.Servers) -> Iterator[Product]:
    with whole(servers) as found:
        yield found


@pytest.fixture(scope="module")
def key(product: Product) -> str:
    return product.key("acme")


@pytest.fixture(scope="module")
def url(product: Product) -> str:
    """The first gateway: another that starts writes its own address to the same file."""
    return url_of(product)


def url_of(product: Product) -> str:
    return (product.folder / "url").read_text().strip()


class Told:
    """A server that is told, and what it was told."""

    def __init__(self) -> None:
        told: list[tuple[dict[str, str], dict[str, Any]]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                told.append((dict(self.headers), json.loads(body)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *said: Any) -> None:
                pass

        self.told = told
        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/told"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def states(self) -> list[str]:
        return [
            said["statusUpdate"]["status"]["state"].removeprefix("TASK_STATE_")
            for _, said in self.told
            if "statusUpdate" in said
        ]


@pytest.fixture
def told() -> Iterator[Told]:
    found = Told()
    yield found
    found.server.shutdown()
    found.server.server_close()


def states(said: list[a2a.StreamResponse]) -> list[str]:
    """The states that a stream told, each once in a row."""
    found: list[str] = []
    for each in said:
        if each.HasField("task"):
            state = name_of(each.task.status.state)
        elif each.HasField("status_update"):
            state = name_of(each.status_update.status.state)
        else:
            continue
        if found[-1:] != [state]:
            found.append(state)
    return found


def decision(task: a2a.Task, word: str = "approve") -> dict[str, Any]:
    (wait,) = shown_in(task)
    return {"decision": word, "call_id": wait["call_id"], "shown_digest": wait["shown_digest"]}


def test_a_task_from_its_card_to_its_artifact(
    product: Product, url: str, key: str, told: Told
) -> None:
    async def work() -> None:
        async with calling(url, key, "clerk", streaming=True) as agent:
            await signed(agent)
            task_id = await begun(agent, told)
            waiting = await answered(agent, task_id)
            await only_a_decision_decides(agent, waiting)

            text = f"approve {shown_in(waiting)[0]['shown_digest'][:12]}"
            approval = message(text, message_id="approved", task_id=task_id)
            assert states(await agent.send(approval))[-1] == "COMPLETED"
            # The same again is no second decision, and no error.
            assert states(await agent.send(approval)) == ["COMPLETED"]
            ended(await agent.client.get_task(a2a.GetTaskRequest(id=task_id, history_length=2)))
            with pytest.raises(A2AError, match="ended"):
                await subscribed(agent, task_id)
            with pytest.raises(A2AError, match="ended"):
                await agent.send(message("more", message_id="late", task_id=task_id))

            wait_caught_up(product.settings)
            listed = await agent.client.list_tasks(a2a.ListTasksRequest(context_id="our-talk"))
            assert [each.id for each in listed.tasks] == [task_id]
            assert name_of(listed.tasks[0].status.state) == "COMPLETED"

    asyncio.run(work())
    wait_until(lambda: told.states()[-1:] == ["COMPLETED"], 60)
    assert told.states() == [
        "SUBMITTED", "WORKING", "INPUT_REQUIRED", "WORKING", "INPUT_REQUIRED", "WORKING",
        "COMPLETED",
    ]  # fmt: skip
    assert {headers["x-a2a-notification-token"] for headers, _ in told.told} == {"our-secret"}
    assert [said for _, said in told.told if "artifactUpdate" in said]


async def begun(agent: Agent, told: Told) -> str:
    """Begin a task, twice with the same message, and return its id."""
    push = a2a.TaskPushNotificationConfig(url=told.url, token="our-secret")
    goal = message("choose", message_id="begin", context_id="our-talk")
    said = await agent.send(goal, task_push_notification_config=push)
    assert states(said)[0] == "SUBMITTED"
    assert states(said)[-1] == "INPUT_REQUIRED"
    again = await agent.send(goal, task_push_notification_config=push)
    assert again[0].task.id == said[0].task.id
    return said[0].task.id


async def answered(agent: Agent, task_id: str) -> a2a.Task:
    """Answer what the agent asks, and return the task as it waits for an approval."""
    asked = await agent.client.get_task(a2a.GetTaskRequest(id=task_id))
    assert asked.context_id == "our-talk"
    assert shown_in(asked)[0]["question"] == "Which colour?"
    assert [name_role(each) for each in asked.history] == ["USER", "AGENT", "AGENT"]
    said = await agent.send(message("blue", message_id="answer", task_id=task_id))
    assert states(said)[0] == "WORKING"
    assert states(said)[-1] == "INPUT_REQUIRED"
    waiting = await agent.client.get_task(a2a.GetTaskRequest(id=task_id))
    (wait,) = shown_in(waiting)
    assert (wait["kind"], wait["tool"]) == ("approval", "report.write")
    assert wait["arguments"] == {"path": "colour.md", "markdown": "It is chosen."}
    return waiting


async def only_a_decision_decides(agent: Agent, waiting: a2a.Task) -> None:
    digest = shown_in(waiting)[0]["shown_digest"]
    stale = {**decision(waiting), "shown_digest": "0" * 64}
    for said in ("yes", "approve", "I approve", f"approve {digest}f", stale):
        wrong = message(said, message_id=f"no {digest[:8]}", task_id=waiting.id)
        with pytest.raises(InvalidParamsError):
            await agent.send(wrong)


def name_role(said: a2a.Message) -> str:
    return a2a.Role.Name(said.role).removeprefix("ROLE_")


def ended(task: a2a.Task) -> None:
    assert name_of(task.status.state) == "COMPLETED"
    assert len(task.history) == 2
    (result,) = task.artifacts
    assert result.name == "result"
    assert result.parts[0].text == "It is chosen."
    assert MessageToDict(result.parts[1].data)["result"] == {"pages": 1}
    assert MessageToDict(task.metadata)["runfold"]["exit_code"] == 0


async def signed(agent: Agent) -> None:
    """The card is signed with the key that it names, and a changed one is not."""
    keys: dict[str, Any] = {}

    def key_of(kid: str | None, jku: str | None) -> PyJWK:
        assert jku is not None
        found = httpx.get(jku).json()["keys"]
        keys.update({each["kid"]: each for each in found})
        return PyJWK(keys[kid])

    verify = create_signature_verifier(key_of, ["ES256"])
    verify(agent.card)
    extended = await agent.client.get_extended_agent_card(a2a.GetExtendedAgentCardRequest())
    verify(extended)
    assert extended.description == "Chooses colours."
    assert "tool:report.write" in [skill.id for skill in extended.skills]
    changed = a2a.AgentCard()
    changed.CopyFrom(agent.card)
    changed.supported_interfaces[0].url = "http://elsewhere"
    with pytest.raises(Exception, match="signature"):
        verify(changed)


async def subscribed(agent: Agent, task_id: str, after: int | None = None) -> list[int]:
    """Listen to a task's end, and return the numbers of the events that were told."""
    return [number async for number in numbers(agent, task_id, after)]


async def numbers(agent: Agent, task_id: str, after: int | None = None) -> AsyncIterator[int]:
    """The numbers of the events that a subscriber is told, from after one that is known."""
    context = ClientCallContext()
    if after is not None:
        context.service_parameters = {"Last-Event-ID": str(after)}
    request = a2a.SubscribeToTaskRequest(id=task_id)
    async for said in agent.client.subscribe(request, context=context):
        for update in ("status_update", "artifact_update"):
            if said.HasField(update):
                metadata = MessageToDict(getattr(said, update).metadata)
                yield int(metadata["runfold"]["seq"])


def test_a_gateway_is_killed_and_another_goes_on_without_a_gap(
    product: Product, url: str, key: str
) -> None:
    async def work() -> None:
        async with calling(url, key, "clerk") as agent:
            goal = message("choose", message_id="to be killed")
            (said,) = await agent.send(goal)
            task_id = said.task.id
            before: list[int] = []
            with gateway(product.settings) as process:
                async with calling(url_of(product), key, "clerk", streaming=True) as other:
                    listening = asyncio.create_task(listen(other, task_id, before))
                    answer = message("blue", message_id="a", task_id=task_id)
                    (said,) = await agent.send(answer)
                    await asyncio.to_thread(wait_until, lambda: bool(before), 60)
                    process.kill()
                    with pytest.raises((A2AClientError, httpx.HTTPError)):
                        await listening
            # What comes while nobody listens is not lost.
            choice = message(decision(said.task), message_id="b", task_id=task_id)
            (said,) = await agent.send(choice)
            assert name_of(said.task.status.state) == "COMPLETED"
        async with calling(url, key, "clerk", streaming=True) as agent:
            after = await subscribed(agent, task_id, before[-1])
            whole = await subscribed(agent, task_id, 1)
            assert after
            start = whole.index(before[0])
            assert whole[start:] == [*before, *after]

    asyncio.run(work())


async def listen(agent: Agent, task_id: str, heard: list[int]) -> None:
    async for number in numbers(agent, task_id):
        heard += [number]


def test_another_tenants_key_sees_no_card_and_no_task(product: Product, url: str, key: str) -> None:
    stranger = product.key("umbrella")

    async def work() -> None:
        async with calling(url, key, "clerk") as agent:
            (said,) = await agent.send(message("choose", message_id="mine"))
            task_id = said.task.id
            await agent.client.cancel_task(a2a.CancelTaskRequest(id=task_id))
            cancelled = await agent.client.get_task(a2a.GetTaskRequest(id=task_id))
            assert name_of(cancelled.status.state) == "CANCELED"
            await asyncio.to_thread(wait_caught_up, product.settings)
            await listed_in_pages(agent, task_id)
        headers = {"authorization": f"Bearer {stranger}", "a2a-version": "1.0"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as other:
            base = "/a2a/agents/clerk"
            for path in ("/.well-known/agent-card.json", f"/tasks/{task_id}", "/tasks"):
                assert (await other.get(base + path)).status_code == 404, path
            rpc = {"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": task_id}}
            assert (await other.post(base, json=rpc)).status_code == 404
        async with httpx.AsyncClient(base_url=url, timeout=60) as nobody:
            for path in ("", "/.well-known/agent-card.json", f"/tasks/{task_id}"):
                assert (await nobody.get(base + path)).status_code == 401, path

    asyncio.run(work())


async def listed_in_pages(agent: Agent, cancelled: str) -> None:
    """Every page after another is the whole list, and a state picks of it."""
    whole = await agent.client.list_tasks(a2a.ListTasksRequest())
    found, token = [], ""
    while True:
        asked = a2a.ListTasksRequest(page_size=1, page_token=token, include_artifacts=True)
        page = await agent.client.list_tasks(asked)
        assert page.total_size == whole.total_size
        found += [each.id for each in page.tasks]
        if not (token := page.next_page_token):
            break
    assert found == [each.id for each in whole.tasks]
    only = a2a.ListTasksRequest(status=a2a.TaskState.TASK_STATE_CANCELED)
    assert [each.id for each in (await agent.client.list_tasks(only)).tasks] == [cancelled]
    rest = a2a.ListTasksRequest(status=a2a.TaskState.TASK_STATE_WORKING)
    assert not (await agent.client.list_tasks(rest)).tasks
    for wrong in ({"page_size": 101}, {"page_token": "x"}, {"history_length": -1}):
        with pytest.raises(InvalidParamsError):
            await agent.client.list_tasks(a2a.ListTasksRequest(**wrong))


@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
def test_the_client_of_javascript_sees_the_same(
    url: str, key: str, told: Told, tmp_path: Path, binding: str
) -> None:
    saw = drive(tmp_path, f"{url}/a2a/agents/clerk", key, binding, told.url)

    assert (saw["signed"], saw["forgedIsTaken"]) == (True, False)
    assert saw["description"] == "Chooses colours."
    assert (saw["asked"], saw["question"]) == ("INPUT_REQUIRED", "Which colour?")
    assert (saw["streamed"][0], saw["streamed"][-1]) == ("WORKING", "INPUT_REQUIRED")
    assert saw["waits"] == ["approval", "report.write"]
    assert saw["done"] == "TASK_STATE_COMPLETED"
    assert saw["result"] == ["It is chosen.", {"summary": "It is chosen.", "result": {"pages": 1}}]
    assert saw["subscribed"][0] == "INPUT_REQUIRED"
    assert saw["subscribed"][-2:] == ["artifact", "COMPLETED"]
    assert saw["cancelled"] == "CANCELED"
    assert "TaskNotCancelable" in saw["again"]
    assert saw["told"] == 1
    wait_until(lambda: told.states()[-1:] == ["COMPLETED"], 60)
