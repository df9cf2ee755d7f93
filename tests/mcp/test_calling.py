"""Tools called by the SDK's client, in both eras, over a log in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
from mcp.client.extension import ClientExtension
from mcp.shared.exceptions import MCPError

from runfold.events import topics
from tests.deciders.given import RUN, done
from tests.deciders.given import request as asked
from tests.http.serving import Served, serving
from tests.mcp.clients import ERAS, held, over_http, refusing, saying, words
from tests.mcp.conftest import mounting
from tests.support.builders.stories import ASKS, WRITES
from tests.support.stack import wait_until
from tests.surfaces.answering import answering

QUESTION = f"{RUN}.2"
MODERN = "2026-07-28"


def calling(
    served: Served, what: Callable[[Any], Awaitable[None]], era: str = "legacy", **more: Any
) -> None:
    async def connected() -> None:
        key = more.pop("key", None) or served.key()
        async with over_http(served.url, key, era, **more) as client:
            await what(client)

    asyncio.run(connected())


@pytest.mark.parametrize("era", ERAS)
def test_a_run_is_seen_and_its_events_and_its_resource(served: Served, era: str) -> None:
    async def what(client: Any) -> None:
        run = held(await client.call_tool("get_run", {"run_id": f"run_{RUN}"}))
        assert (run["status"], run["waits_for"][0]["call_id"]) == ("waiting_for_human", QUESTION)
        first = held(await client.call_tool("list_run_events", {"run_id": RUN, "limit": 3}))
        assert [each["seq"] for each in first["events"]] == [1, 2, 3]
        assert first["has_more"]
        after = {"run_id": RUN, "after": 3, "limit": 500}
        rest = held(await client.call_tool("list_run_events", after))
        assert (rest["events"][0]["seq"], rest["has_more"]) == (4, False)
        read = (await client.read_resource(f"runfold://runs/{RUN}")).contents[0]
        assert (json.loads(read.text)["seq"], read.mime_type) == (run["seq"], "application/json")
        page = await client.read_resource(f"runfold://runs/{RUN}/events?after=3")
        assert json.loads(page.contents[0].text)["events"][0]["seq"] == 4
        assert len((await client.list_resource_templates()).resource_templates) == 4
        # Views that are away leave the list empty, and nothing else.
        assert (await client.list_resources()).resources == []

    calling(served, what, era)


@pytest.mark.parametrize("era", ERAS)
def test_an_approval_is_asked_for_in_a_form(served: Served, era: str) -> None:
    person, shown = saying(decision="approve", reason="as agreed")

    async def what(client: Any) -> None:
        run = held(await client.call_tool("get_run", {"run_id": RUN, "wait_s": 0.3}))
        assert run["status"] == "running_tool"

    calling(served, what, era, elicit=person)
    assert "write" in shown[0]


@pytest.mark.parametrize("era", ERAS)
def test_a_question_is_answered_in_a_form(era: str) -> None:
    person, shown = saying(answer="blue")
    with serving(answering(asked(), ASKS), mounted=mounting) as served:

        async def what(client: Any) -> None:
            run = held(await client.call_tool("get_run", {"run_id": RUN, "wait_s": 0.3}))
            assert run["status"] == "waiting_for_model"

        calling(served, what, era, elicit=person)
    assert shown == ["The agent worker asks: which?"]


@pytest.mark.parametrize("era", ERAS)
def test_without_a_form_it_is_said_what_waits_and_which_tool_decides_it(
    served: Served, era: str
) -> None:
    async def what(client: Any) -> None:
        run = held(await client.call_tool("get_run", {"run_id": RUN, "wait_s": 30}))
        wait = run["waits_for"][0]
        given = {
            "run_id": RUN, "call_id": wait["call_id"], "decision": "deny", "reason": "no",
            "shown_digest": wait["shown_digest"],
        }  # fmt: skip
        decided = held(await client.call_tool("approve", given))
        assert (decided["applied"], decided["event"]) == (True, "ToolCallDenied")
        # It is decided, and cannot be decided again.
        assert not held(await client.call_tool("approve", given))["applied"]

    calling(served, what, era)


def test_who_declines_decides_nothing_and_who_may_not_decide_is_not_asked(served: Served) -> None:
    async def what(client: Any) -> None:
        run = held(await client.call_tool("get_run", {"run_id": RUN, "wait_s": 5}))
        assert run["status"] == "waiting_for_human"

    calling(served, what, elicit=refusing)
    person, shown = saying(decision="approve")
    calling(served, what, elicit=person, key=served.key(scopes=("runs:read",)))
    assert not shown


def test_an_agent_is_asked_and_its_end_is_waited_for_with_progress(served: Served) -> None:
    told: list[float] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        told.append(done)

    async def what(client: Any) -> None:
        given = {"goal": {"find": "it"}, "wait_s": 30, "idempotency_key": "k-1"}
        waiting = asyncio.create_task(client.call_tool("worker", given, progress_callback=progress))
        run_id = await _begun(served)
        await asyncio.to_thread(wait_until, lambda: bool(served.gateway.use.streams), 60)
        end(served, run_id)
        ran = held(await waiting)
        assert (ran["status"], ran["ended"], ran["exit_code"]) == ("completed", True, 0)
        assert ran["payload"] == {"summary": "all found"}
        assert ran["run_id"] == run_id
        # The same key is the same run; another goal with it is refused.
        again = held(await client.call_tool("worker", {**given, "wait_s": 0}))
        assert again["run_id"] == run_id
        other = await client.call_tool("worker", {**given, "goal": "else"})
        assert other.is_error
        assert words(other).startswith("other_request: ")

    calling(served, what)
    assert told == sorted(told)
    assert told


def end(served: Served, run_id: str) -> None:
    """Let the model of a run say that it is done."""
    said = done().model_copy(update={"run_id": run_id, "call_id": f"{run_id}.1"})
    served.log.hear(said, run_id)


async def _begun(served: Served) -> str:
    for _ in range(600):
        for run_id in served.log._runs:
            if run_id != RUN:
                return run_id
        await asyncio.sleep(0.05)
    raise AssertionError("no run began")


@pytest.mark.parametrize("era", ERAS)
def test_time_that_is_up_leaves_the_run_running(served: Served, era: str) -> None:
    async def what(client: Any) -> None:
        ran = held(await client.call_tool("worker", {"goal": "x", "wait_s": 0.2}))
        assert not ran["ended"]
        assert "get_run" in ran["next"]
        asked_for = held(await client.call_tool("run_agent", {"agent": "worker", "goal": "y"}))
        assert asked_for["run_id"] != ran["run_id"]
        gone = held(await client.call_tool("cancel_run", {"run_id": ran["run_id"]}))
        assert (gone["event"], gone["applied"]) == ("RunCancelled", True)
        ended = await client.call_tool("cancel_run", {"run_id": ran["run_id"]})
        assert words(ended).startswith("run_ended: ")
        unknown = await client.call_tool("run_agent", {"agent": "nobody", "goal": "y"})
        assert unknown.is_error
        assert "unknown_agent" in words(unknown)

    calling(served, what, era)


def test_a_request_that_is_cancelled_leaves_the_run_running(served: Served) -> None:
    async def what(client: Any) -> None:
        waiting = asyncio.create_task(client.call_tool("worker", {"goal": "x", "wait_s": 60}))
        run_id = await _begun(served)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        run = held(await client.call_tool("get_run", {"run_id": run_id}))
        assert run["status"] == "waiting_for_model"

    for era in ERAS:
        served.log._runs = {RUN: served.log._runs[RUN]}
        calling(served, what, era)


def test_a_gateway_that_ends_comes_back_at_once(served: Served) -> None:
    async def what(client: Any) -> None:
        # The client looks the result's schema up, where it does not know it.
        await client.list_tools()
        waiting = asyncio.create_task(client.call_tool("worker", {"goal": "x", "wait_s": 300}))
        run_id = await _begun(served)
        # The call has begun to wait, as a stream that is open.
        await asyncio.to_thread(wait_until, lambda: bool(served.gateway.use.streams), 60)
        served.server.stop()
        ran = held(await waiting)
        assert (ran["run_id"], ran["ended"]) == (run_id, False)

    calling(served, what)


class Tasks(ClientExtension):
    """A client that takes tasks in the place of results."""

    identifier = "io.modelcontextprotocol/tasks"


def modern(
    served: Served, method: str, params: dict[str, Any], *, key: str = "", **can: Any
) -> Any:
    """Send one request as 2026-07-28 has it, with what the client can do."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": can,
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}
    headers = {
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": MODERN,
        "mcp-method": method,
        "authorization": f"Bearer {key or served.key()}",
    }
    for name in {"name", "uri", "taskId"} & set(params):
        headers["mcp-name"] = params[name]
    with httpx2.Client(timeout=60, trust_env=False) as client:
        answer = client.post(f"{served.url}/mcp", json=body, headers=headers)
    return answer.json()


def test_a_client_that_takes_tasks_gets_one_and_its_run_is_the_task() -> None:
    can = {"extensions": {Tasks.identifier: {}}, "elicitation": {}}
    with serving(answering(asked(), WRITES), mounted=mounting) as served:
        given = {"name": "worker", "arguments": {"goal": "x"}}
        task = modern(served, "tools/call", given, **can)["result"]
        assert (task["resultType"], task["status"]) == ("task", "working")
        run_id = task["taskId"]
        end(served, run_id)
        found = modern(served, "tasks/get", {"taskId": run_id}, **can)["result"]
        assert found["status"] == "completed"
        assert found["result"]["structuredContent"]["payload"] == {"summary": "all found"}

        waits = modern(served, "tasks/get", {"taskId": RUN}, **can)["result"]
        assert waits["status"] == "input_required"
        assert waits["inputRequests"][QUESTION]["method"] == "elicitation/create"
        said = {QUESTION: {"action": "accept", "content": {"decision": "approve"}}}
        update = {"taskId": RUN, "inputResponses": said}
        assert modern(served, "tasks/update", update, **can)["result"]["resultType"] == "complete"
        assert modern(served, "tasks/get", {"taskId": RUN}, **can)["result"]["status"] == "working"
        assert "result" in modern(served, "tasks/cancel", {"taskId": RUN}, **can)
        ended = modern(served, "tasks/get", {"taskId": RUN}, **can)["result"]
        assert ended["status"] == "cancelled"
        assert "result" in modern(served, "tasks/cancel", {"taskId": RUN}, **can)

        unable = modern(served, "tasks/get", {"taskId": RUN})
        assert unable["error"]["code"] == -32021
        absent = modern(served, "tasks/get", {"taskId": RUN.replace("0001", "0009")}, **can)
        assert absent["error"]["data"]["code"] == "not_found"


def test_a_request_that_goes_on_with_a_run_needs_to_read_it(served: Served) -> None:
    key = served.key(scopes=("runs:write",))
    state = json.dumps({"run_id": RUN})
    for name, given in (
        ("run_agent", {"agent": "worker", "goal": "x"}),
        ("run_agent", {"agent": "worker", "goal": "x", "wait_s": 1}),
        ("worker", {"goal": "x", "wait_s": 1}),
    ):
        params = {"name": name, "arguments": given, "requestState": state}
        for can in ({}, {"extensions": {Tasks.identifier: {}}}):
            found = modern(served, "tools/call", params, key=key, **can)["result"]
            assert found["isError"], found
            assert "runs:read" in found["content"][0]["text"]


def test_a_read_that_cannot_be_put_on_record_is_not_made() -> None:
    nowhere = "postgresql://postgres@127.0.0.1:1/none?connect_timeout=1"
    can = {"extensions": {Tasks.identifier: {}}}
    going_on = {
        "name": "run_agent",
        "arguments": {"agent": "worker", "goal": "x"},
        "requestState": json.dumps({"run_id": RUN}),
    }
    with serving(
        answering(asked(), WRITES), mounted=mounting, reads="require", reads_to=lambda: nowhere
    ) as served:
        for method, params in (
            ("tools/call", {"name": "get_run", "arguments": {"run_id": RUN}}),
            ("tools/call", {"name": "list_run_events", "arguments": {"run_id": RUN}}),
            ("tools/call", going_on),
            ("tasks/get", {"taskId": RUN}),
            ("resources/list", {}),
            ("resources/read", {"uri": f"runfold://runs/{RUN}"}),
        ):
            found = modern(served, method, params, **can)
            assert "RUNFOLD_READS" in json.dumps(found), (method, found)
            assert found.get("result", {"isError": True}).get("isError"), (method, found)


def test_a_start_whose_reading_cannot_be_put_on_record_is_made_and_not_shown() -> None:
    def nowhere() -> str:
        raise RuntimeError("There is none.")

    can = {"extensions": {Tasks.identifier: {}}}
    arguments = {"agent": "worker", "goal": "x", "wait_s": 20}
    with serving(answering(), mounted=mounting, reads="require", reads_to=nowhere) as served:
        for name, given in (("run_agent", arguments), ("worker", {"goal": "x", "wait_s": 20})):
            params = {"name": name, "arguments": given}
            said = modern(served, "tools/call", params)["result"]
            found = said["structuredContent"]
            assert (found["status"], found["ended"], found["payload"]) == ("created", False, None)
            assert "get_run" in found["next"]
            task = modern(served, "tools/call", params, **can)["result"]
            assert (task["resultType"], task["status"]) == ("task", "working")
            assert "statusMessage" not in task
        assert len(list(served.log.read(topics.REQUESTS, "earliest"))) == 4


def test_a_tenant_sees_nothing_of_anothers_runs(served: Served) -> None:
    async def what(client: Any) -> None:
        for name, given in (
            ("get_run", {"run_id": RUN}),
            ("list_run_events", {"run_id": RUN}),
            ("approve", {"run_id": RUN, "call_id": "2", "decision": "approve"}),
            ("answer", {"run_id": RUN, "question_id": "2", "answer": "x"}),
            ("cancel_run", {"run_id": RUN}),
        ):
            answer = await client.call_tool(name, given)
            assert answer.is_error
            assert words(answer).startswith("not_found: "), words(answer)
        for uri in (f"runfold://runs/{RUN}", f"runfold://runs/{RUN}/events"):
            with pytest.raises(MCPError, match="no such resource"):
                await client.read_resource(uri)

    calling(served, what, key=served.key("umbrella"))


def test_a_session_goes_on_with_a_gateway_that_never_saw_it(served: Served) -> None:
    headers = {"accept": "application/json, text/event-stream"}
    said = {
        "protocolVersion": "2025-06-18",
        "capabilities": {"elicitation": {}},
        "clientInfo": {"name": "t", "version": "1"},
    }
    first = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": said}
    listed = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    with served.client() as client:
        answer = client.post("/mcp", json=first, headers=headers)
        session = {**headers, "mcp-session-id": answer.headers["mcp-session-id"]}
    with (
        serving(answering(asked(), WRITES), mounted=mounting) as other,
        other.client() as client,
    ):
        answer = client.post("/mcp", json=listed, headers=session)
        assert answer.status_code == 200, answer.text
        assert '"worker"' in answer.text
        assert client.delete("/mcp", headers=session).status_code == 200
        strange = {**session, "mcp-session-id": "mine"}
        answer = client.post("/mcp", json=listed, headers=strange)
        assert (answer.status_code, answer.json()["error"]["data"]["code"]) == (
            404, "not_found",
        )  # fmt: skip
