"""Tasks as the official client sees them: sent, waited for, decided, streamed, cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from a2a.client.errors import A2AClientError
from a2a.types import a2a_pb2 as a2a
from a2a.utils.errors import InvalidParamsError, TaskNotCancelableError
from google.protobuf.json_format import MessageToDict

from runfold.events import topics
from runfold.events.contents.content import Content
from runfold.infra.artifacts.memory import MemoryArtifacts
from runfold.processors.definitions.record import announce
from runfold.surfaces.http.access.limits import Limits
from tests.a2a.calling import JSONRPC, REST, agents, calling, message, name_of, shown_in
from tests.deciders.given import RUN, TENANT, agent, came_back
from tests.deciders.given import request as asked
from tests.http.serving import Served
from tests.support.builders.stories import LOOKS, WRITES
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
                "approval",
                "write",
                {"path": "a"},
            )
            said = {"decision": "approve", "call_id": wait["call_id"]}
            said["shown_digest"] = wait["shown_digest"]
            await agent.send(message(said, task_id=RUN), return_immediately=True)
            after = await agent.client.get_task(a2a.GetTaskRequest(id=RUN))
            assert name_of(after.status.state) == "WORKING"

    asyncio.run(work())


@pytest.mark.parametrize("binding", [JSONRPC, REST])
def test_a_decision_can_be_written_only_if_it_names_what_was_shown(
    served: Served, binding: str
) -> None:
    async def work() -> None:
        async with calling(served.url, served.key(), binding=binding) as agent:
            task = await agent.client.get_task(a2a.GetTaskRequest(id=RUN))
            (wait,) = shown_in(task)
            digest, call_id = wait["shown_digest"], wait["call_id"]
            written = ["yes", "approve", f"approve {digest[:7]}", f"please approve {digest}"]
            data: list[Any] = [
                {"decision": "approve", "call_id": call_id},
                {"decision": "approve", "call_id": f"{RUN}.9", "shown_digest": digest},
                {"decision": "approve", "call_id": call_id, "shown_digest": "f" * 64},
                {"decision": "maybe", "call_id": call_id, "shown_digest": digest},
                {"decision": "answer", "call_id": call_id, "answer": "yes"},
                {"decision": "deny", "call_id": call_id, "shown_digest": digest, "more": 1},
            ]
            for number, each in enumerate([*written, *data]):
                with pytest.raises(InvalidParamsError):
                    await agent.send(message(each, message_id=f"{number}", task_id=RUN))
            still = await agent.client.get_task(a2a.GetTaskRequest(id=RUN))
            assert still == task
            said = f"deny {digest[:10]} not that file"
            await agent.send(message(said, task_id=RUN), return_immediately=True)
            after = await agent.client.get_task(a2a.GetTaskRequest(id=RUN))
            assert not shown_in(after)

    asyncio.run(work())
    facts = served.client().get(f"/runs/{RUN}/events").json()["events"]
    (denied,) = [each["fact"] for each in facts if each["type"] == "ToolCallDenied"]
    assert denied["reason"] == "not that file"


def test_who_may_only_write_decides_nothing(served: Served) -> None:
    key = served.key(scopes=("runs:read", "runs:write"))

    async def work() -> None:
        async with calling(served.url, key) as agent:
            task = await agent.client.get_task(a2a.GetTaskRequest(id=RUN))
            said = f"approve {shown_in(task)[0]['shown_digest']}"
            with pytest.raises(A2AClientError, match="403"):
                await agent.send(message(said, task_id=RUN))
            # A refusal leaves the message's id free.
            async with calling(served.url, served.key()) as other:
                await other.send(message(said, task_id=RUN), return_immediately=True)

    asyncio.run(work())


def test_who_may_only_write_reads_nothing_and_has_nobody_told(tmp_path: Path) -> None:
    log = answering(asked(), WRITES)
    with agents(tmp_path, log, hosts=("hooks.example",)) as served:
        client = served.client(scopes=("runs:write",))
        client.headers["a2a-version"] = "1.0"
        base = f"/a2a/agents/worker/tasks/{RUN}"
        told = {"taskId": RUN, "id": "a", "url": "https://hooks.example/x"}
        assert client.post(f"{base}/pushNotificationConfigs", json=told).status_code == 403
        assert client.post(f"{base}:cancel", json={}).status_code == 403
        whole = served.client()
        whole.headers["a2a-version"] = "1.0"
        assert whole.get(base).json()["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
        assert whole.post(f"{base}/pushNotificationConfigs", json=told).status_code == 200
        assert whole.post(f"{base}:cancel", json={}).status_code == 200


def test_a_read_that_cannot_be_put_on_record_is_not_made(tmp_path: Path) -> None:
    nowhere = "postgresql://postgres@127.0.0.1:1/none?connect_timeout=1"
    more = {"reads": "require", "reads_to": lambda: nowhere, "hosts": ("hooks.example",)}
    with agents(tmp_path, answering(asked(), WRITES), **more) as served:
        client = served.client()
        client.headers["a2a-version"] = "1.0"
        base = f"/a2a/agents/worker/tasks/{RUN}"
        told = {"taskId": RUN, "id": "a", "url": "https://hooks.example/x"}
        for answer in (
            client.get(base),
            client.get("/a2a/agents/worker/tasks"),
            client.get(f"{base}/artifacts/{RUN}.2"),
            client.post(f"{base}/pushNotificationConfigs", json=told),
            client.post(f"{base}:cancel", json={}),
        ):
            assert answer.status_code == 503, (answer.url, answer.text)


def test_a_message_begins_one_run_however_often_it_is_sent(served: Served) -> None:
    async def work() -> None:
        async with calling(served.url, served.key(), binding=REST) as agent:
            found = set()
            for _ in range(3):
                said = await agent.send(message("again", message_id="x"), return_immediately=True)
                found.add(said[0].task.id)
            assert len(found) == 1
            with pytest.raises(InvalidParamsError, match="another request"):
                await agent.send(message("other", message_id="x"), return_immediately=True)
            (cancelled,) = found
            task = await agent.client.cancel_task(a2a.CancelTaskRequest(id=cancelled))
            assert name_of(task.status.state) == "CANCELED"
            with pytest.raises(TaskNotCancelableError):
                await agent.client.cancel_task(a2a.CancelTaskRequest(id=cancelled))

    asyncio.run(work())


def test_a_message_to_a_run_that_works_is_told_to_it_once(served: Served) -> None:
    async def work() -> None:
        async with calling(served.url, served.key()) as agent:
            said = await agent.send(message("begin", message_id="b"), return_immediately=True)
            task_id = said[0].task.id
            for _ in range(2):
                more = message("and this", {"n": 1}, message_id="more", task_id=task_id)
                await agent.send(more, return_immediately=True)
            task = await agent.client.get_task(a2a.GetTaskRequest(id=task_id))
            assert [MessageToDict(each.parts[0]) for each in task.history] == [
                {"text": "begin", "mediaType": "text/plain"},
                {"data": [{"text": "and this"}, {"n": 1.0}], "mediaType": "application/json"},
            ]
            wrong = message("x", message_id="y", task_id=task_id, context_id="other")
            with pytest.raises(InvalidParamsError, match="contextId"):
                await agent.send(wrong, return_immediately=True)

    asyncio.run(work())


def test_a_run_that_is_refused_is_rejected(served: Served) -> None:
    # Published, and not known to whoever decides here.
    ghost = announce(agent(name="ghost"), "me", datetime.now(UTC))
    served.log.publish(topics.REGISTRY, ghost, "k")

    async def work() -> None:
        async with calling(served.url, served.key(), "ghost") as ghosts:
            (said,) = await ghosts.send(message("begin"))
            assert name_of(said.task.status.state) == "REJECTED"
            assert "refused" in said.task.status.message.parts[0].text

    asyncio.run(work())


def test_a_stream_ends_in_order_where_the_gateway_ends(served: Served) -> None:
    with served.client().stream(
        "POST", f"/a2a/agents/worker/tasks/{RUN}:subscribe", headers={"a2a-version": "1.0"}
    ) as answer:
        assert answer.status_code == 200
        lines = answer.iter_lines()
        assert RUN in next(line for line in lines if line)
        assert served.gateway.use.listeners == 1
        served.server.stop()
        assert not any(lines)
    assert served.gateway.use.listeners == 0


def test_a_client_of_version_0_3_is_served(served: Served) -> None:
    headers = {"authorization": f"Bearer {served.key()}"}
    with httpx.Client(base_url=served.url, headers=headers, timeout=30) as client:
        parts = [{"kind": "text", "text": "old"}]
        said = {"kind": "message", "messageId": "o", "role": "user", "parts": parts}
        params = {"message": said, "configuration": {"blocking": False}}
        rpc = {"jsonrpc": "2.0", "id": "1", "method": "message/send", "params": params}
        task = client.post("/a2a/agents/worker", json=rpc).json()["result"]
        assert (task["kind"], task["status"]["state"]) == ("task", "working")
        rpc = {"jsonrpc": "2.0", "id": 2, "method": "tasks/get", "params": {"id": RUN}}
        found = client.post("/a2a/agents/worker", json=rpc).json()["result"]
        assert found["status"]["state"] == "input-required"
        card = client.get("/a2a/agents/worker/.well-known/agent-card.json").json()
        assert card["url"] == f"{served.url}/a2a/agents/worker"
        assert client.get(f"/a2a/agents/worker/v1/tasks/{RUN}").json()["id"] == RUN


def test_bytes_on_their_way_are_bounded_with_all_others(tmp_path: Path) -> None:
    store = MemoryArtifacts()
    kept = store.put(b"many bytes", "text/csv", TENANT)
    left = Content(media_type="text/csv", size=10, digest=kept.digest, ref=kept.ref)
    log = answering(asked(), LOOKS, came_back(2, result=left))
    with agents(tmp_path, log, artifacts=store, limits=Limits(held_bytes=15)) as served:
        client = served.client()
        client.headers["a2a-version"] = "1.0"
        place = f"/a2a/agents/worker/tasks/{RUN}/artifacts/{RUN}.2"
        served.gateway.use.held = 6
        busy = client.get(place)
        assert (busy.status_code, busy.json()["code"]) == (503, "too_busy")
        served.gateway.use.held = 0
        assert client.get(place).content == b"many bytes"
        assert served.gateway.use.held == 0


def test_who_is_refused_again_and_again_waits_as_at_every_route(served: Served) -> None:
    client = served.client(scopes=("runs:write",))
    client.headers["a2a-version"] = "1.0"
    found = [client.get(f"/a2a/agents/worker/tasks/{RUN}").status_code for _ in range(32)]
    assert found[0] == 403
    assert found[-1] == 429


def test_what_a_tool_left_in_the_store_is_served_to_who_sees_the_task(tmp_path: Path) -> None:
    store = MemoryArtifacts()
    kept = store.put(b"many bytes", "text/csv", TENANT)
    left = Content(media_type="text/csv", size=10, digest=kept.digest, ref=kept.ref)
    log = answering(asked(), LOOKS, came_back(2, result=left))
    with agents(tmp_path, log, artifacts=store) as served:
        client = served.client()
        client.headers["a2a-version"] = "1.0"
        base = f"/a2a/agents/worker/tasks/{RUN}"
        (artifact,) = client.get(base).json()["artifacts"]
        (part,) = artifact["parts"]
        assert part == {
            "url": f"{served.url}{base}/artifacts/{RUN}.2",
            "mediaType": "text/csv",
        }
        assert artifact["metadata"]["runfold"]["sha256"] == kept.digest.hex()
        answer = client.get(part["url"])
        assert answer.content == b"many bytes"
        assert answer.headers["content-type"].startswith("text/csv")
        assert answer.headers["content-disposition"] == "attachment"
        assert client.get(f"{base}/artifacts/{RUN}.3").status_code == 404
        assert served.client(tenant="umbrella").get(part["url"]).status_code == 404
        assert served.client(scopes=("runs:write",)).get(part["url"]).status_code == 403
        assert served.stranger().get(part["url"]).status_code == 401
        store.delete(kept.ref, TENANT)
        gone = client.get(part["url"])
        assert (gone.status_code, gone.json()["code"]) == (404, "not_found")
