"""Clients of the real stack: Python over Kafka and over HTTP alike, and programs in four languages.

The programs are those of ``examples/clients``: each asks for a run, follows it, and approves.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import runfold
from runfold.producers.identity import uuid7
from runfold.surfaces.processes import PROCESSES
from tests.docs.test_blocks import running
from tests.front.test_client import Blocking
from tests.http.product import AGENT, SCRIPT, Product
from tests.support import stack
from tests.support.stack import wait_until
from tests.system.foreign import clients

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

NEEDED = {"runs", "tools", "gateway"}
REPORT = {"path": "reports/a.md", "markdown": "# A"}
WRITER = [
    {
        "apiVersion": "runfold/v1",
        "kind": "Tool",
        "metadata": {"name": "report.write", "version": "1.0.0"},
        "spec": {
            "use": "builtin:report.write",
            "approval_timeout_ms": 3_600_000,
            "config": {"root": "workspace"},
        },
    },
    {
        **SCRIPT,
        "metadata": {"name": "writer", "version": "1.0.0"},
        "spec": {
            "turns": [
                {"calls": [{"name": "report.write", "arguments": REPORT}]},
                {"calls": [{"name": "complete_task", "arguments": {"summary": "written"}}]},
            ]
        },
    },
    {
        **AGENT,
        "metadata": {"name": "writer", "version": "1.0.0"},
        "spec": {
            "role": "You write.",
            "llm": {"provider": "scripted", "model": "writer"},
            "tools": [{"type": "function", "name": "report.write"}],
            "autonomy": {"level": "supervised"},
            "access": {"tier": "tier_2_write_limited"},
        },
    },
]


@pytest.fixture(scope="module")
def product(servers: stack.Servers) -> Iterator[Product]:
    """What runs need, and a gateway; no views: what is asked here stands on the log."""
    stack.fresh_topics(servers.settings)
    with ExitStack() as held:
        home = held.enter_context(stack.temporary_home())
        url = held.enter_context(stack.fresh_database(servers.database_url))
        settings = replace(servers.settings.at(servers.bootstrap_servers, url), home=home)
        for process in PROCESSES:
            if process.name in NEEDED:
                held.enter_context(running(settings, process.name, process.arguments))
        wait_until((home / "gateway.ready").exists, 120)
        made = Product(settings)
        with made.client(made.key("acme")) as client:
            answer = client.post("/definitions", json={"manifests": [SCRIPT, AGENT, *WRITER]})
            assert answer.status_code == 201, answer.text
        yield made


@pytest.fixture(scope="module")
def key(product: Product) -> str:
    return product.key("acme")


@pytest.fixture(params=["kafka", "kafka-asyncio", "http", "http-asyncio"])
def client(request: pytest.FixtureRequest, product: Product, key: str) -> Iterator[Any]:
    """The same client over both ways, in both forms."""
    of_kafka = {"tenant_id": "acme", "user_id": "ada"}
    at, url = product.settings.bootstrap_servers, address(product)
    match request.param:
        case "kafka":
            with runfold.connect(at, **of_kafka) as made:  # type: ignore[arg-type]
                yield made
        case "http":
            with runfold.connect_http(url, api_key=key) as made:
                yield made
        case _:
            with asyncio.Runner() as runner:
                awaited = runner.run(
                    runfold.connect_async(at, **of_kafka)  # type: ignore[arg-type]
                    if request.param == "kafka-asyncio"
                    else runfold.connect_http_async(url, api_key=key)
                )
                yield Blocking(awaited, runner)
                runner.run(awaited.close())


def address(product: Product) -> str:
    return (product.folder / "url").read_text().strip()


def waiting(run: Any) -> str:
    """Wait until a run waits for a person; the call's id."""
    found: list[str] = []

    def waits() -> bool:
        try:
            seen = run.status()
        except runfold.NotFoundError:
            return False  # over Kafka it is not there before its first event
        assert seen.exit is None, seen
        found[:] = [each.call_id for each in seen.waits_for]
        return bool(found)

    wait_until(waits, 60)
    return found[0]


def test_a_run_is_asked_for_followed_approved_and_ends(client: Any) -> None:
    run = client.run("write", agent="writer", labels=(), priority=1)
    call = waiting(run)
    seen = run.status()
    assert (seen.run_id, seen.tenant_id, seen.user_id) == (run.id, "acme", "ada")
    assert seen.requires_approval
    assert seen.waits_for[0].arguments == REPORT
    with pytest.raises(runfold.NotYetError):
        run.wait(timeout=0.3)
    outcome = run.approve(call, comment="good", shown=seen.waits_for[0].shown_digest)
    assert (outcome.type, outcome.applied) == ("ToolCallApproved", True)
    ended = run.wait(timeout=60)
    assert (ended.status, ended.payload) == ("success", {"summary": "written"})
    whole = list(run.events())
    assert [event.seq for event in whole] == list(range(1, len(whole) + 1))
    assert list(run.events(after_seq=3, follow=True, timeout=60)) == whole[3:]
    with pytest.raises(runfold.RunEndedError):
        run.cancel()


def test_other_controls_do_what_they_say(client: Any) -> None:
    run = client.run("choose", agent="clerk")
    question = waiting(run)
    assert run.pause("wait").applied
    assert run.status().status == "paused"
    assert not run.pause("again").applied
    assert run.resume().applied
    assert run.tell("hurry").type == "UserMessageReceived"
    assert run.answer(question, "blue").applied
    assert run.wait(timeout=60).status == "success"
    other = client.run("write", agent="writer")
    assert other.deny(waiting(other), "no").applied
    assert other.wait(timeout=60).payload == {"summary": "written"}
    last = client.run("write", agent="writer")
    waiting(last)
    assert last.cancel("enough").type == "RunCancelled"
    assert last.wait(timeout=60).status == "cancelled"


def test_what_cannot_be_is_refused_alike(client: Any) -> None:
    unknown = client.get("019ca945-0a00-7000-8000-00000000ffff")
    with pytest.raises(runfold.NotFoundError) as found:
        unknown.status()
    assert (found.value.code, found.value.retryable) == ("not_found", False)
    with pytest.raises(runfold.InvalidError):
        client.run("x" * 1_000_001, agent="clerk")
    own = uuid7()
    assert client.run("choose", agent="clerk", run_id=own).id == own
    assert client.run("choose", agent="clerk", run_id=own).id == own
    refused = client.run("x", agent="nobody-published-this")
    assert refused.wait(timeout=60).status == "failure"


def python(folder: Path) -> list[str]:
    return [sys.executable, str(clients.EXAMPLES / "python/approve.py")]


def typescript(folder: Path) -> list[str]:
    built = clients.typescript(folder)
    return ["node", str(built / "dist/main.js")]


def go(folder: Path) -> list[str]:
    return [clients.go(folder).run[0], "approve"]


def java(folder: Path) -> list[str]:
    *before, _ = clients.java(folder).run
    return [*before, str(clients.EXAMPLES / "java/Approve.java")]


@pytest.mark.parametrize("program", [python, typescript, go, java])
def test_a_program_asks_follows_and_approves(
    program: Callable[[Path], list[str]], product: Product, key: str, tmp_path: Path
) -> None:
    words = [*program(tmp_path), address(product), key, "writer", "write"]
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=150, check=False, env={**os.environ}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout)
    assert (said["status"], said["approved"], said["exit_code"]) == ("completed", 1, 0)
    with product.client(key) as client:
        page = client.get(f"/runs/{said['run_id']}/events", params={"limit": 1000}).json()
    assert said["events"] == len(page["events"])


def python_on_kafka(folder: Path, at: str) -> list[str]:
    return [sys.executable, str(clients.EXAMPLES / "python/approve_kafka.py"), at]


def node_on_kafka(folder: Path, at: str) -> list[str]:
    program = clients.node(folder).run[1].replace("run.mjs", "approve.mjs")
    return ["node", program, at, str(clients.SCHEMAS)]


def go_on_kafka(folder: Path, at: str) -> list[str]:
    return [clients.go(folder).run[0], "decide", at, str(clients.SCHEMAS)]


def java_on_kafka(folder: Path, at: str) -> list[str]:
    return [*clients.java(folder).run, at, str(clients.SCHEMAS)]


@pytest.mark.parametrize(
    ("program", "more"),
    [(python_on_kafka, []), (node_on_kafka, []), (go_on_kafka, []), (java_on_kafka, ["approve"])],
)
def test_a_program_asks_follows_and_approves_over_kafka(
    program: Callable[[Path, str], list[str]],
    more: list[str],
    product: Product,
    key: str,
    tmp_path: Path,
) -> None:
    words = [*program(tmp_path, product.settings.bootstrap_servers), "writer", "write", *more]
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=150, check=False,
        env={**os.environ, "RUNFOLD_TENANT": "acme"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout)
    assert (said["status"], said["approved"], said["exit_code"]) == ("success", 1, 0)
    assert json.loads(said["result"]) == {"summary": "written"}
    with product.client(key) as client:
        page = client.get(f"/runs/{said['run_id']}/events", params={"limit": 1000}).json()
        approved = [each for each in page["events"] if each["type"] == "ToolCallApproved"]
        assert [each["fact"]["shown_digest"] is not None for each in approved] == [True]
        assert client.get(f"/runs/{said['run_id']}/audit").json()["sound"] is True


def test_the_types_are_those_of_the_document(tmp_path: Path) -> None:
    folder = clients.typescript(tmp_path)
    made = folder / "again.ts"
    subprocess.run(
        ["npx", "--no-install", "openapi-typescript", str(clients.DOCUMENT),
         "--default-non-nullable=false", "--output", str(made)],
        cwd=folder, check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    assert made.read_text() == (clients.EXAMPLES / "typescript/src/api.ts").read_text(), (
        "examples/clients/typescript/src/api.ts is out of date: run `make clients`"
    )


def test_the_compiler_finds_what_the_api_does_not_take(tmp_path: Path) -> None:
    folder = clients.typescript(tmp_path)
    main = (folder / "src/main.ts").read_text()
    (folder / "src/main.ts").write_text(main.replace("{ agent, goal }", "{ agent, goals: goal }"))
    done = subprocess.run(
        ["npx", "--no-install", "tsc", "--noEmit"], cwd=folder, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "goals" in done.stdout
    shutil.rmtree(folder / "dist", ignore_errors=True)
