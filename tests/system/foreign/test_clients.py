"""The clients of docs/clients.md ask for runs, wait for their ends, and verify their chains."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache

import pytest
from confluent_kafka import Producer

from runfold.events import topics
from runfold.processors.run.lifecycle.admission import EXIT_REFUSED
from runfold.producers.identity import uuid7
from runfold.stack.settings import Settings
from tests.support import stack
from tests.system import oracle
from tests.system.crash.product import ROOT, Supervised
from tests.system.foreign.clients import BUILDERS, Client

# The first time, compilers and package managers begin with nothing.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

VERIFIERS = ("node", "go")


@pytest.fixture(scope="module")
def running(servers: stack.Servers) -> Iterator[Settings]:
    """A run processor on empty topics, with the agent `hello` published."""
    stack.fresh_topics(servers.settings)
    with _running(servers.settings, servers.database_url) as settings:
        yield settings


@pytest.fixture(scope="module")
def named(servers: stack.Servers) -> Iterator[Settings]:
    """The same, of a deployment that has a name."""
    with (
        stack.named_topics(servers.settings, "elsewhere") as there,
        _running(there, servers.database_url) as settings,
    ):
        yield settings


@contextmanager
def _running(there: Settings, database_url: str) -> Iterator[Settings]:
    with ExitStack() as held:
        home = held.enter_context(stack.temporary_home())
        url = held.enter_context(stack.fresh_database(database_url))
        settings = replace(there.at(there.bootstrap_servers, url), home=home)
        env = {**settings.to_env(), "RUNFOLD_MODEL": ""}
        subprocess.run(
            [sys.executable, "-m", "runfold", "apply", "-f", "examples/hello"],
            cwd=ROOT, env={**os.environ, **env}, check=True, capture_output=True, timeout=200,
        )  # fmt: skip
        runs = Supervised(["runfold.processors.run"], env, home / "runs.log")
        try:
            yield settings
        finally:
            runs.process.kill()
            runs.process.wait()


@pytest.fixture(scope="module")
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """The client of a language; skips where its toolchain is not there."""
    language: str = request.param
    return BUILDERS[language](tmp_path_factory.mktemp(language))


@cache
def a_run(client: Client, settings: Settings) -> str:
    """The id of a run that the client asked for and saw ended."""
    said = client.ask(settings, "hello", "Ümläute for sale")
    assert said.keys() == {"run_id", "type", "status", "exit_code", "result"}
    assert (said["type"], said["status"], said["exit_code"]) == ("RunCompleted", "success", 0)
    assert json.loads(said["result"]) == {"summary": "Hello! You said: Ümläute for sale"}
    return str(said["run_id"])


def events_of(settings: Settings, run_id: str) -> list[oracle.Raw]:
    return [raw for raw in oracle.read_topic(settings, topics.EVENTS) if raw.key == run_id.encode()]


def copied(settings: Settings, run_id: str, values: list[bytes]) -> None:
    """Put events on the journal that no run processor wrote, compressed as it does."""
    producer = Producer(
        {**settings.producer_config(), "compression.type": "lz4", "partitioner": "murmur2_random"}
    )
    for value in values:
        producer.produce(topics.EVENTS, value, run_id.encode())
    assert producer.flush(30) == 0


@pytest.mark.parametrize("client", BUILDERS, indirect=True)
def test_a_client_asks_for_a_run_and_waits_for_its_end(client: Client, running: Settings) -> None:
    assert events_of(running, a_run(client, running))


@pytest.mark.parametrize("client", BUILDERS, indirect=True)
def test_a_client_speaks_to_the_deployment_that_it_is_told(client: Client, named: Settings) -> None:
    run_id = a_run(client, named)
    if client.verify:
        assert client.judge(named, run_id)["whole"]


@pytest.mark.parametrize("client", BUILDERS, indirect=True)
def test_a_client_is_told_of_a_refusal(client: Client, running: Settings) -> None:
    said = client.ask(running, "an agent that nobody published", "Say hello")
    assert (said["type"], said["status"]) == ("RunRefused", "failure")
    assert said["exit_code"] == EXIT_REFUSED


@pytest.mark.parametrize("client", VERIFIERS, indirect=True)
def test_a_client_finds_a_chain_whole(client: Client, running: Settings) -> None:
    run_id = a_run(client, running)
    count = len(events_of(running, run_id))
    assert count > 5
    assert client.judge(running, run_id) == {
        "run_id": run_id, "events": count, "whole": True, "fault": "",
    }  # fmt: skip


@pytest.mark.parametrize("client", VERIFIERS, indirect=True)
@pytest.mark.parametrize("fault", ["changed", "missing", "beheaded"])
def test_a_client_finds_what_was_tampered_with(
    client: Client, running: Settings, fault: str
) -> None:
    values = [raw.value or b"" for raw in events_of(running, a_run(client, running))]
    first = next(at for at, value in enumerate(values) if b"for sale" in value)
    match fault:
        case "changed":
            values[first] = values[first].replace(b"for sale", b"for free")
        case "missing":
            del values[first]
        case _:
            del values[0]
    copy = uuid7()
    copied(running, copy, values)
    said = client.judge(running, copy)
    assert not said["whole"]
    assert "does not follow the one before it" in said["fault"]
