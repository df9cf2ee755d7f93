"""The server on the real stack: agents asked, approved in a form, read, cancelled; kills."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp.shared.exceptions import MCPError

from tests.docs.test_blocks import environment
from tests.http.product import AGENT, SCRIPT, Product, gateway, standing
from tests.mcp.clients import ERAS, held, over_http, over_stdio, saying
from tests.mcp.foreign import inspector
from tests.projections.running import wait_caught_up
from tests.support import stack
from tests.support.stack import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

READER = """
apiVersion: runfold/v1
kind: ModelScript
metadata: {name: reader, version: "1.0.0"}
spec:
  turns:
    - calls: [{name: big.read, arguments: {path: big.txt}}]
    - calls: [{name: complete_task, arguments: {summary: read, result: {lines: 3}}}]
---
apiVersion: runfold/v1
kind: Tool
metadata: {name: big.read, version: "1.0.0"}
spec:
  use: builtin:files.read
  approval: always
  max_result_bytes: 1000
  config: {root: WORKSPACE}
---
apiVersion: ossa/v0.4
kind: Agent
metadata: {name: reader, version: "1.0.0", description: Reads a file.}
spec:
  role: You read.
  llm: {provider: scripted, model: reader}
  tools: [{type: function, name: big.read}]
extensions:
  runfold:
    input_schema: {type: object, properties: {file: {type: string}}, required: [file]}
    output_schema: {type: object, properties: {lines: {type: integer}}, required: [lines]}
"""


SLOW = (
    {
        **SCRIPT,
        "metadata": {"name": "slow", "version": "1.0.0"},
        "spec": {
            "turns": [
                {
                    "calls": [{"name": "complete_task", "arguments": {"summary": "done"}}],
                    "delay_ms": 20_000,
                }
            ]
        },
    },
    {
        **AGENT,
        "metadata": {"name": "slow", "version": "1.0.0"},
        "spec": {"role": "You think.", "llm": {"provider": "scripted", "model": "slow"}},
    },
)


@pytest.fixture(scope="module")
def product(servers: stack.Servers) -> Iterator[Product]:
    with standing(servers) as found:
        yield found


@pytest.fixture(scope="module")
def acme(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a tenant that has an agent of its own, and one that all have."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "big.txt").write_text("a line of a large file\n" * 500)
    (folder / "reader.yaml").write_text(READER.replace("WORKSPACE", str(folder)))
    product.cli("apply", "-f", str(folder))
    with product.client(product.key("acme")) as client:
        answer = client.post("/definitions", json={"manifests": [SCRIPT, AGENT, *SLOW]})
        assert answer.status_code == 201, answer.text
        yield client


def key_of(client: httpx.Client) -> str:
    return str(client.headers["authorization"]).removeprefix("Bearer ")


def url_of(client: httpx.Client) -> str:
    return str(client.base_url).rstrip("/")


@pytest.mark.parametrize("era", ERAS)
def test_an_agent_is_asked_approved_in_a_form_and_read(
    product: Product, acme: httpx.Client, era: str
) -> None:
    person, shown = saying(decision="approve", reason="as agreed")
    told: list[str] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        told.append(message or "")

    async def what() -> dict[str, Any]:
        async with over_http(url_of(acme), key_of(acme), era, person) as client:
            tools = {each.name: each for each in (await client.list_tools()).tools}
            assert {"clerk", "reader", "run_agent", "get_run"} <= set(tools)
            assert tools["reader"].description == "Reads a file."
            result = await client.call_tool(
                "reader", {"file": "big.txt"}, progress_callback=progress
            )
            ran = held(result)
            assert (ran["status"], ran["payload"]["result"]) == ("completed", {"lines": 3})
            run_id = ran["run_id"]
            page = held(await client.call_tool("list_run_events", {"run_id": run_id, "limit": 500}))
            ref = re.search(r"artifact:acme/([0-9a-f]{64})", json.dumps(page))
            assert ref is not None
            uri = f"runfold://runs/{run_id}/artifacts/{ref[1]}"
            kept = (await client.read_resource(uri)).contents[0]
            assert kept.mime_type == "application/json"
            assert kept.text.count("a line of a large file") == 500  # type: ignore[union-attr]
            other = f"runfold://runs/{run_id}/artifacts/{'0' * 64}"
            with pytest.raises(MCPError, match="no such resource"):
                await client.read_resource(other)
            return ran

    ran = asyncio.run(what())
    assert any("big.read" in each for each in shown)
    assert any(each.endswith(": waiting_for_human") for each in told)
    given = acme.get(f"/runs/{ran['run_id']}/events", params={"limit": 500}).json()["events"]
    approved = next(each for each in given if each["type"] == "ToolCallApproved")
    # Whom the key stands for has decided, over the protocol as over HTTP.
    assert approved["actor"]["id"] == "ada"
    assert acme.get(f"/runs/{ran['run_id']}/audit").json()["sound"] is True
    wait_caught_up(product.settings)

    async def listed() -> set[str]:
        async with over_http(url_of(acme), key_of(acme), era) as client:
            return {each.uri for each in (await client.list_resources()).resources}

    assert ran["uri"] in asyncio.run(listed())


@pytest.mark.parametrize("era", ERAS)
def test_the_local_stack_is_reached_over_stdio(
    product: Product, acme: httpx.Client, era: str, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text(key_of(acme))
    person, _ = saying(answer="blue")

    async def asked() -> None:
        words = ["--url", url_of(acme), "--key-file", str(key)]
        async with over_stdio(words, environment(product.settings), era, person) as client:
            ran = held(await client.call_tool("clerk", {"goal": "choose", "wait_s": 120}))
            assert (ran["ended"], ran["payload"]) == (True, {"summary": "done"})

    asyncio.run(asked())


def test_others_see_nothing_and_a_run_ends_by_the_tool(
    product: Product, acme: httpx.Client
) -> None:
    async def what() -> None:
        async with over_http(url_of(acme), key_of(acme)) as client:
            ran = held(await client.call_tool("run_agent", {"agent": "clerk", "goal": "choose"}))
            run_id = ran["run_id"]
            waited = held(await client.call_tool("get_run", {"run_id": run_id, "wait_s": 120}))
            assert waited["waits_for"][0]["question"] == "Which colour?"
            other = product.key("umbrella")
            async with over_http(url_of(acme), other) as stranger:
                assert "clerk" not in {each.name for each in (await stranger.list_tools()).tools}
                for name in ("get_run", "cancel_run", "list_run_events"):
                    assert (await stranger.call_tool(name, {"run_id": run_id})).is_error
                with pytest.raises(MCPError):
                    await stranger.read_resource(f"runfold://runs/{run_id}")
                assert (await stranger.list_resources()).resources == []
            gone = held(await client.call_tool("cancel_run", {"run_id": run_id, "reason": "no"}))
            assert gone["event"] == "RunCancelled"

    asyncio.run(what())


def test_a_gateway_that_is_killed_in_a_call_leaves_the_run(
    product: Product, acme: httpx.Client
) -> None:
    url = url_of(acme)
    begun: dict[str, Any] = {}

    async def what() -> None:
        with gateway(product.settings) as process:
            own = (product.folder / "url").read_text().strip()
            assert own != url
            async with over_http(own, key_of(acme)) as client:
                given = {"goal": "choose", "wait_s": 300, "idempotency_key": "killed-1"}
                call = asyncio.create_task(client.call_tool("slow", given))
                await asyncio.to_thread(wait_until, lambda: bool(found()), 60)
                process.send_signal(signal.SIGKILL)
                lost = (await asyncio.gather(call, return_exceptions=True))[0]
                assert isinstance(lost, Exception)
        async with over_http(url, key_of(acme)) as client:
            # The same key of the request finds the run that it began.
            again = held(await client.call_tool("slow", {**given, "wait_s": 0}))
            begun["run_id"] = again["run_id"]
            run = held(await client.call_tool("get_run", {"run_id": again["run_id"]}))
            assert run["status"] in {"waiting_for_model", "completed"}

    def found() -> list[Any]:
        return list(acme.get("/runs", params={"agent": "slow"}).json()["runs"])

    try:
        asyncio.run(what())
    finally:
        (product.folder / "url").write_text(f"{url}\n")
    path = f"/runs/{begun['run_id']}"
    wait_until(lambda: acme.get(path).json()["status"] == "completed", 60)


def test_the_inspector_works_on_its_command_line(acme: httpx.Client) -> None:
    url = f"{url_of(acme)}/mcp"
    key = f"Authorization: Bearer {key_of(acme)}"
    words = [url, "--transport", "http", "--header", key]
    done = inspector(*words, "--method", "tools/list")
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"name": "clerk"' in done.stdout
    given = ["--tool-arg", "agent=clerk", "--tool-arg", "goal=choose"]
    called = ["--method", "tools/call", "--tool-name", "run_agent", *given]
    done = inspector(*words, *called)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"runfold://runs/([0-9a-f-]{36})", done.stdout)
    assert found is not None, done.stdout
    assert acme.post(f"/runs/{found[1]}/cancel", json={}).status_code in {200, 202}
