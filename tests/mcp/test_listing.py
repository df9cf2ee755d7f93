"""What is listed: by the caller's key, by scopes that are named, and nothing of other tenants."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from runfold.events import topics
from runfold.processors.definitions.record import announce
from tests.deciders.given import RUN, agent, tool
from tests.http.serving import Served
from tests.mcp.clients import ERAS, over_http

OWN = {"answer", "approve", "cancel_run", "get_run", "list_run_events", "run_agent"}


def publish(served: Served, *made: Any, tenant: str | None = None) -> None:
    for each in made:
        record = announce(each, "me", datetime.now(UTC), tenant=tenant)
        served.log.publish(topics.REGISTRY, record, "k")


async def _names(served: Served, key: str, era: str) -> set[str]:
    async with over_http(served.url, key, era) as client:
        found, cursor = set[str](), None
        while True:
            page = await client.list_tools(cursor=cursor)
            found |= {each.name for each in page.tools}
            cursor = page.next_cursor
            if cursor is None:
                return found


@pytest.mark.parametrize("era", ERAS)
def test_a_key_sees_what_it_may_call(served: Served, era: str) -> None:
    seen = {
        scopes: asyncio.run(_names(served, served.key(scopes=scopes), era))
        for scopes in (("*",), ("runs:read",), ("runs:write",), ("runs:decide",), ("costs:read",))
    }
    assert seen["*",] == {*OWN, "worker"}
    assert seen["runs:read",] == {"get_run", "list_run_events"}
    assert seen["runs:write",] == {"run_agent", "cancel_run", "worker"}
    assert seen["runs:decide",] == {"approve", "answer"}
    assert seen["costs:read",] == set()


def test_agents_of_other_tenants_and_stopped_ones_are_not_listed(served: Served) -> None:
    publish(served, agent(name="ours"), tenant="acme")
    publish(served, agent(name="theirs"), tenant="umbrella")
    publish(served, *(agent(name=f"many-{n:03}") for n in range(120)))
    seen = asyncio.run(_names(served, served.key(), "legacy"))
    assert {"ours", "many-000", "many-119"} <= seen
    assert "theirs" not in seen
    assert "theirs" in asyncio.run(_names(served, served.key("umbrella"), "legacy"))


def bare(served: Served, scopes: list[str] | None, key: str) -> Any:
    """Ask as the document that it comes from has it: a method and its parameters, nothing else."""
    params = {} if scopes is None else {"scopes": scopes}
    with served.client(key) as client:
        answer = client.post("/mcp", json={"method": "tools/list", "params": params})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("application/json")
        return answer.json()


def test_a_discovery_by_scopes_works_as_it_stands(served: Served) -> None:
    publish(
        served,
        tool("repo.read", scopes=("read:repository",)),
        tool("issue.write", scopes=("write:issues",)),
        tool("pay", scopes=("write:payments",)),
        agent(name="reader", tools=("repo.read",)),
        agent(name="clerk", tools=("repo.read", "issue.write")),
        agent(name="payer", tools=("pay",)),
    )
    key = served.key(scopes=("runs:write", "read:repository", "write:issues"))
    asked = ["read:repository", "write:issues"]
    found = bare(served, asked, key)["result"]["tools"]
    assert {each["name"] for each in found} == {"worker", "reader", "clerk"}
    assert [each["_meta"]["runfold/scopes"] for each in found if each["name"] == "clerk"] == [
        ["read:repository", "write:issues"]
    ]
    names = {each["name"] for each in bare(served, ["read:repository"], key)["result"]["tools"]}
    assert names == {"worker", "reader"}
    # What the key does not have is not granted by asking for it.
    names = {each["name"] for each in bare(served, ["write:payments"], key)["result"]["tools"]}
    assert names == {"worker"}
    every = {each["name"] for each in bare(served, None, key)["result"]["tools"]}
    assert every == {"worker", "reader", "clerk", "payer", "run_agent", "cancel_run"}
    wrong = bare(served, "read:repository", key)  # type: ignore[arg-type]
    assert wrong["error"]["code"] == -32602


def test_scopes_may_be_named_by_a_client_of_the_protocol(served: Served) -> None:
    with served.client() as client:
        params = {"scopes": ["runs:read"]}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params}
        headers = {"accept": "application/json, text/event-stream"}
        answer = client.post("/mcp", json=body, headers=headers)
        assert '"get_run"' in answer.text
        assert '"cancel_run"' not in answer.text


def test_what_a_key_may_not_see_it_cannot_call(served: Served) -> None:
    async def calls() -> None:
        async with over_http(served.url, served.key(scopes=("runs:read",))) as client:
            for name, given in (
                ("cancel_run", {"run_id": RUN}),
                ("worker", {"goal": "x"}),
                ("approve", {"run_id": RUN, "call_id": "2", "decision": "approve"}),
                ("no_such", {}),
            ):
                with pytest.raises(Exception, match="There is no tool"):
                    await client.call_tool(name, given)

    asyncio.run(calls())


def test_an_agent_declares_what_it_takes_and_answers(served: Served) -> None:
    takes = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    }
    gives = {"type": "object", "properties": {"degrees": {"type": "number"}}}
    publish(
        served, agent(name="weather", description="Tells it.", input_schema=takes,
                      output_schema=gives),
    )  # fmt: skip

    async def calls() -> None:
        async with over_http(served.url, served.key()) as client:
            tools = {each.name: each for each in (await client.list_tools()).tools}
            found = tools["weather"]
            assert found.input_schema == takes
            assert found.description == "Tells it."
            payload = (found.output_schema or {})["properties"]["payload"]
            assert payload["anyOf"][1]["properties"]["result"] == gives
            wrong = await client.call_tool("weather", {"town": "x"})
            assert wrong.is_error
            assert "$" in wrong.content[0].text  # type: ignore[union-attr]

    asyncio.run(calls())
