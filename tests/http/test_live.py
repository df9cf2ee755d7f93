"""The gateway on the real stack: a run from its request to its last event, and kills under load."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from runfold.events import topics
from runfold.infra.process.ready import READY_FILE
from runfold.producers.log.kafka import TopicReader
from runfold.projections import schema
from runfold.projections.queries import TenantViews
from runfold.stack.settings import Settings
from runfold.surfaces.application.runs.live import joined, recorded_so_far
from runfold.surfaces.processes import PROCESSES
from tests.docs.test_blocks import environment, running
from tests.http.test_events import heard
from tests.projections.running import wait_caught_up
from tests.support import stack
from tests.support.builders.stories import CODEC
from tests.support.stack import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
SCRIPT = {
    "apiVersion": "runfold/v1",
    "kind": "ModelScript",
    "metadata": {"name": "clerk", "version": "1.0.0"},
    "spec": {
        "turns": [
            {"calls": [{"name": "ask_human", "arguments": {"question": "Which colour?"}}]},
            {"calls": [{"name": "complete_task", "arguments": {"summary": "done"}}]},
        ]
    },
}
AGENT = {
    "apiVersion": "ossa/v0.4",
    "kind": "Agent",
    "metadata": {"name": "clerk", "version": "1.0.0"},
    "spec": {"role": "You ask.", "llm": {"provider": "scripted", "model": "clerk"}},
}


@dataclass
class Product:
    """The whole stack, and the gateway of it."""

    settings: Settings

    @property
    def folder(self) -> Path:
        return self.settings.home / "gateway"

    def cli(self, *words: str) -> str:
        """Run a command and return what it says."""
        done = subprocess.run(
            [sys.executable, "-m", "runfold.surfaces.cli", *words],
            env=environment(self.settings), cwd=ROOT, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def key(self, tenant: str, *scopes: str) -> str:
        """Return a new key."""
        words = [word for scope in scopes or ("*",) for word in ("--scope", scope)]
        made = self.cli("keys", "create", "test", "--tenant", tenant, "--user", "ada", *words)
        return made.split()[0]

    @contextmanager
    def client(self, key: str) -> Iterator[httpx.Client]:
        url = (self.folder / "url").read_text().strip()
        headers = {"authorization": f"Bearer {key}"}
        with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
            yield client


@contextmanager
def gateway(settings: Settings, log: str = "gateway-2.log") -> Iterator[subprocess.Popen[bytes]]:
    """A gateway of a test's own, beside or in the place of another."""
    ready = settings.home / "own-gateway.ready"
    ready.unlink(missing_ok=True)
    with (settings.home / log).open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "runfold.surfaces.http"],
            env={**environment(settings), READY_FILE: str(ready)},
            cwd=ROOT, stdout=file, stderr=file,
        )  # fmt: skip
        try:
            wait_until(ready.exists, 60)
            yield process
        finally:
            process.kill()
            process.wait()


TALK = {
    "apiVersion": "runfold/v1",
    "kind": "ModelScript",
    "metadata": {"name": "talker", "version": "1.0.0"},
    "spec": {
        "turns": [
            {
                "text": "The disk of the second broker is full again.",
                "calls": [{"name": "complete_task", "arguments": {"summary": "said"}}],
                "delay_ms": 2000,
            }
        ]
    },
}
TALKER = {
    "apiVersion": "ossa/v0.4",
    "kind": "Agent",
    "metadata": {"name": "talker", "version": "1.0.0"},
    "spec": {"role": "You talk.", "llm": {"provider": "scripted", "model": "talker"}},
    "extensions": {"runfold": {"model": {"parameters": {"stream": True}}}},
}


@pytest.fixture(scope="module")
def product(servers: stack.Servers) -> Iterator[Product]:
    stack.fresh_topics(servers.settings)
    with ExitStack() as held:
        held.enter_context(pytest.MonkeyPatch.context()).setenv("RUNFOLD_MODEL_DELTAS", "on")
        home = held.enter_context(stack.temporary_home())
        url = held.enter_context(stack.fresh_database(servers.database_url))
        settings = replace(servers.settings.at(servers.bootstrap_servers, url), home=home)
        for process in PROCESSES:
            if not process.once and process.name != "monitor":
                held.enter_context(running(settings, process.name, process.arguments))
        wait_until((home / "gateway.ready").exists, 120)
        yield Product(settings)


@pytest.fixture(scope="module")
def acme(product: Product) -> Iterator[httpx.Client]:
    """A client of a tenant that has published its agent over HTTP."""
    with product.client(product.key("acme")) as client:
        answer = client.post("/definitions", json={"manifests": [SCRIPT, AGENT]})
        assert answer.status_code == 201, answer.text
        yield client


def asked(client: httpx.Client, **headers: str) -> str:
    answer = client.post("/runs", json={"goal": "choose", "agent": "clerk"}, headers=headers)
    assert answer.status_code in {200, 202}, answer.text
    run_id: str = answer.json()["run_id"]
    return run_id


def waiting(client: httpx.Client, run_id: str) -> str:
    """Wait until a run asks a person, and return the question's id."""
    found: list[str] = []

    def asks() -> bool:
        answer = client.get(f"/runs/{run_id}")
        assert answer.status_code == 200, answer.text
        found[:] = [wait["call_id"] for wait in answer.json()["waits_for"]]
        return bool(found)

    wait_until(asks, 60)
    return found[0]


def test_a_run_is_asked_for_followed_answered_and_ends(
    product: Product, acme: httpx.Client
) -> None:
    run_id = asked(acme)
    heard_of: list[dict[str, str]] = []

    def listen() -> None:
        stream = {"accept": "text/event-stream"}
        with acme.stream("GET", f"/runs/{run_id}/events", headers=stream) as answer:
            heard_of.extend(each for each in heard(answer) if "data" in each)

    listener = threading.Thread(target=listen)
    listener.start()
    question = waiting(acme, run_id)
    answered = acme.post(f"/runs/{run_id}/answer", json={"question_id": question, "answer": "blue"})
    assert (answered.status_code, answered.json()["type"]) == (200, "HumanInputReceived")
    listener.join(60)

    assert [int(each["id"]) for each in heard_of] == list(range(1, len(heard_of) + 1))
    assert heard_of[-1]["event"] == "RunCompleted"
    page = acme.get(f"/runs/{run_id}/events", params={"limit": 1000}).json()
    assert page["events"] == [json.loads(each["data"]) for each in heard_of]
    assert page["ended"]
    found = acme.get(f"/runs/{run_id}").json()
    assert (found["status"], found["exit"]["payload"]) == ("completed", {"summary": "done"})
    assert acme.get(f"/runs/{run_id}/audit").json()["sound"] is True

    wait_caught_up(product.settings)
    # From here on it is read from the views, and says the same.
    assert acme.get(f"/runs/{run_id}").json() == found
    assert acme.get(f"/runs/{run_id}/events", params={"limit": 1000}).json() == page
    parts = [
        event
        for after in range(0, page["next_after"], 4)
        for event in acme.get(f"/runs/{run_id}/events", params={"after": after, "limit": 4}).json()[
            "events"
        ]
    ]
    assert parts == page["events"]
    listed = acme.get("/runs", params={"status": "completed", "agent": "clerk"}).json()["runs"]
    assert run_id in [each["run_id"] for each in listed]
    calls = acme.get(f"/runs/{run_id}/calls").json()
    assert [each["status"] for each in calls["model_calls"]] == ["responded", "responded"]
    sums = acme.get("/costs", params={"by": "agent,model"}).json()["costs"]
    assert {each["agent"] for each in sums} == {"clerk"}


def test_what_a_model_says_meanwhile_is_heard_before_its_answer(acme: httpx.Client) -> None:
    answer = acme.post("/definitions", json={"manifests": [TALK, TALKER]})
    assert answer.status_code == 201, answer.text
    asked_for = acme.post("/runs", json={"goal": "talk", "agent": "talker"})
    path = f"/runs/{asked_for.json()['run_id']}/events"
    stream = {"accept": "text/event-stream"}
    with acme.stream("GET", f"{path}?deltas=true", headers=stream) as answer:
        said = [each for each in heard(answer) if "event" in each]
    names = [each["event"] for each in said]
    pieces = [json.loads(each["data"]) for each in said if each["event"] == "delta"]
    assert len(pieces) > 1
    spoken = TALK["spec"]["turns"][0]["text"]  # type: ignore[index]
    # The first may have been said before anybody listened, the last may come too late.
    assert "".join(each["text"] for each in pieces) in spoken
    assert names.index("delta") < names.index("ModelResponded")
    assert "delta" not in names[names.index("ModelResponded") :]
    assert [each["event"] for each in said if "id" in each] == [
        each["type"] for each in acme.get(path).json()["events"]
    ]


def test_a_run_that_lives_is_read_from_the_views_and_the_journal_behind_them(
    product: Product, acme: httpx.Client
) -> None:
    run_id = asked(acme)
    question = waiting(acme, run_id)
    wait_caught_up(product.settings)
    reader = TopicReader(product.settings.kafka_config(), CODEC)
    engine = schema.engine(product.settings.database_url)
    try:
        with engine.connect() as connection:
            views = TenantViews(connection, "acme")
            known = recorded_so_far(views, run_id)
            assert known is not None
            assert recorded_so_far(TenantViews(connection, "umbrella"), run_id) is None
        assert joined(reader, run_id, known) == known.events
        # What comes after the look at the views is in the journal behind them.
        acme.post(f"/runs/{run_id}/answer", json={"question_id": question, "answer": "red"})
        wait_until(lambda: acme.get(f"/runs/{run_id}").json()["status"] == "completed", 60)
        live = joined(reader, run_id, known)
        assert live is not None
        assert len(live) > len(known.events)
        page = acme.get(f"/runs/{run_id}/events", params={"limit": 1000}).json()["events"]
        assert [(each.meta.seq, each.type) for each in live] == [
            (each["seq"], each["type"]) for each in page
        ]
        # Views that lack an event do not join, and nothing is made up.
        assert joined(reader, run_id, known._replace(events=known.events[:-2])) is None
    finally:
        engine.dispose()


def test_what_is_the_others_is_not_there(product: Product, acme: httpx.Client) -> None:
    run_id = asked(acme)
    waiting(acme, run_id)
    wait_caught_up(product.settings)
    with product.client(product.key("umbrella")) as other:
        assert other.get(f"/runs/{run_id}").status_code == 404
        assert other.post(f"/runs/{run_id}/cancel").status_code == 404
        assert other.get("/runs").json()["runs"] == []
        assert other.get("/approvals").json()["approvals"] == []
        assert other.get("/costs").json()["costs"] == []
        assert other.get(f"/runs/{run_id}/calls").status_code == 404
        assert other.get("/definitions/agent/clerk").status_code == 404
    inbox = acme.get("/approvals", params={"run_id": run_id}).json()["approvals"]
    assert [each["run_id"] for each in inbox] == [run_id]
    assert acme.post(f"/runs/{run_id}/cancel", json={}).json()["type"] == "RunCancelled"


def test_lists_go_on_where_a_page_ended(product: Product, acme: httpx.Client) -> None:
    made = [asked(acme) for _ in range(7)]
    for run_id in made:
        waiting(acme, run_id)
        acme.post(f"/runs/{run_id}/cancel")
    wait_caught_up(product.settings)
    seen: list[str] = []
    params: dict[str, Any] = {"limit": 3, "status": "cancelled"}
    while True:
        page = acme.get("/runs", params=params).json()
        seen += [each["run_id"] for each in page["runs"]]
        if page["next"] is None:
            break
        params["cursor"] = page["next"]
    assert len(seen) == len(set(seen))
    assert set(made) <= set(seen)
    params["status"] = "completed"
    assert acme.get("/runs", params=params).json()["code"] == "cursor_malformed"
    assert acme.get("/runs", params={"agent": "a\0b"}).json()["code"] in {"invalid", "malformed"}


def test_a_version_is_retired_over_http(acme: httpx.Client) -> None:
    newer = {**AGENT, "metadata": {"name": "clerk", "version": "1.1.0"}}
    assert acme.post("/definitions", json={"manifests": [newer]}).status_code == 201
    answer = acme.post("/definitions/agent/clerk@1.1.0/retire", json={"reason": "too new"})
    assert (answer.status_code, answer.json()["state"]) == (200, "retired")
    assert acme.get("/definitions/agent/clerk").json()["version"] == "1.0.0"
    wrong = acme.post("/definitions", json={"manifests": [{"kind": "Agent", "spec": 7}]})
    assert wrong.json()["code"] == "invalid"
    assert "/tmp" not in wrong.text
    secret = {**AGENT, "metadata": {"name": "spy", "version": "1.0.0"}}
    secret["spec"] = {**AGENT["spec"], "role": "${DATABASE_URL}"}  # type: ignore[dict-item]
    said = acme.post("/definitions", json={"manifests": [secret]})
    assert "postgresql://" not in said.text
    assert "postgresql://" not in acme.get("/definitions/agent/spy").text


def test_a_gateway_that_is_killed_under_load_loses_and_doubles_nothing(
    product: Product, acme: httpx.Client
) -> None:
    key = acme.headers["authorization"].removeprefix("Bearer ")
    keys = [f"load-{number}" for number in range(60)]
    acknowledged: dict[str, str] = {}
    enough = threading.Event()

    def ask(mine: list[str], client: httpx.Client) -> None:
        for each in mine:
            try:
                acknowledged[each] = asked(client, **{"idempotency-key": each})
            except httpx.TransportError:
                return
            if len(acknowledged) > 15:
                enough.set()

    with gateway(product.settings) as process, product.client(key) as client:
        threads = [threading.Thread(target=ask, args=(keys[n::4], client)) for n in range(4)]
        for thread in threads:
            thread.start()
        assert enough.wait(60)
        process.send_signal(signal.SIGKILL)
        for thread in threads:
            thread.join(60)
    before = dict(acknowledged)
    assert len(before) < len(keys)
    with gateway(product.settings), product.client(key) as client:
        for each in keys:
            # One that was under way is let go after its lease: here nobody waits so long.
            answer = client.post(
                "/runs",
                json={"goal": "choose", "agent": "clerk"},
                headers={"idempotency-key": each},
            )
            if answer.status_code == 202:
                acknowledged[each] = answer.json()["run_id"]
            else:
                assert answer.json()["code"] == "under_way"
        for each, run_id in acknowledged.items():
            assert before.get(each, run_id) == run_id
            assert client.get(f"/runs/{run_id}").status_code == 200
    assert len(acknowledged) >= len(keys) - 4
    assert len(set(acknowledged.values())) == len(acknowledged)
    reader = TopicReader(product.settings.kafka_config(), CODEC)
    wait_until(lambda: set(acknowledged.values()) <= _begun(reader), 60)


def _begun(reader: TopicReader) -> set[str]:
    return {
        (each.key or b"").decode()
        for each in reader.read(topics.EVENTS)
        if getattr(each.record, "type", "") == "RunCreated"
    }
