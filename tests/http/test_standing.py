"""Streams end with the credential that they were opened with, over every protocol."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from runfold.infra.gateway.api_key import presented
from runfold.infra.gateway.pushed import MemoryPushStore
from runfold.surfaces.a2a.app import Shown
from runfold.surfaces.a2a.mounting import A2ASettings, mount
from runfold.surfaces.http.access.standing import Standing
from runfold.surfaces.http.gateway import Gateway
from runfold.surfaces.http.mounted import Beside
from tests.deciders.given import RUN
from tests.deciders.given import request as asked
from tests.http.serving import Served, serving
from tests.mcp.clients import over_http, words
from tests.mcp.conftest import mounting
from tests.support.builders.stories import WRITES
from tests.support.stack import wait_until
from tests.surfaces.answering import answering

EVENTS = {"accept": "text/event-stream"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Every protocol at one gateway, which looks again often; its run waits for a person."""
    folder: Path = tmp_path_factory.mktemp("standing")
    settings = A2ASettings("", folder / "card-key.pem", Shown(), ())

    def mounted(gateway: Gateway, url: str) -> Beside:
        return mounting(gateway, url) + mount(gateway, settings, url, MemoryPushStore())

    log = answering(asked(), WRITES)
    with serving(log, mounted=mounted, standing=Standing(look_s=0.05)) as found:
        yield found


def revoke(served: Served, key: str) -> None:
    shown = presented(key)
    assert shown is not None
    assert served.store.revoke(shown.key_id, datetime.now(UTC))


def lines_after_revoking(
    served: Served, method: str, url: str, headers: dict[str, str], **more: Any
) -> list[str]:
    key = served.key()
    client = served.client(key)
    with client.stream(method, url, headers=headers, **more) as answer:
        assert answer.status_code == 200
        lines = answer.iter_lines()
        next(lines)
        revoke(served, key)
        found = [line for line in lines if line and line != ": beat"]
    wait_until(lambda: served.gateway.use.listeners == 0)
    wait_until(lambda: served.gateway.standing._open == {})
    return found


@pytest.mark.parametrize("url", [f"/runs/{RUN}/events?after=1000", "/events"])
def test_events_end_with_a_comment_that_says_why(served: Served, url: str) -> None:
    found = lines_after_revoking(served, "GET", url, EVENTS)
    assert found[-1].startswith(": cut: The credential of this stream is revoked"), found
    assert served.gateway.use.streams == set()


def test_a_task_that_is_followed_ends_with_an_error_in_both_bindings(served: Served) -> None:
    headers = {"a2a-version": "1.0"}
    rpc = {"jsonrpc": "2.0", "id": 1, "method": "SubscribeToTask", "params": {"id": RUN}}
    found = lines_after_revoking(served, "POST", "/a2a/agents/worker", headers, json=rpc)
    error = json.loads(found[-1].removeprefix("data:"))["error"]
    assert "revoked or has expired" in error["message"], found
    assert "unauthenticated" in json.dumps(error)
    url = f"/a2a/agents/worker/tasks/{RUN}:subscribe"
    found = lines_after_revoking(served, "POST", url, headers)
    assert "revoked or has expired" in found[-1], found


@pytest.mark.parametrize("form", [False, True])
def test_a_call_of_mcp_that_waits_comes_back_with_an_error(served: Served, form: bool) -> None:
    """Also where a form is open: nobody decides with a key that is revoked."""
    key = served.key()
    opened = threading.Event()

    async def person(*_: Any) -> Any:
        opened.set()
        await asyncio.sleep(120)

    async def work() -> None:
        async with over_http(served.url, key, elicit=person if form else None) as client:
            await client.list_tools()
            wanted = ("get_run", {"run_id": RUN, "wait_s": 300})
            if not form:
                wanted = ("worker", {"goal": "x", "wait_s": 300})
            waiting = asyncio.create_task(client.call_tool(*wanted))
            there = opened.is_set if form else lambda: bool(served.gateway.use.streams)
            await asyncio.to_thread(wait_until, there, 60)
            revoke(served, key)
            said = await asyncio.wait_for(waiting, 60)
            assert said.is_error
            assert words(said).startswith("unauthenticated: "), words(said)

    asyncio.run(work())


def test_a_key_that_expires_ends_its_streams_and_others_go_on(served: Served) -> None:
    key = served.key()
    shown = presented(key)
    assert shown is not None
    with served.client().stream("GET", "/events", headers=EVENTS) as other:
        beats = other.iter_lines()
        next(beats)
        with served.client(key).stream("GET", "/events", headers=EVENTS) as answer:
            lines = answer.iter_lines()
            next(lines)
            kept = served.store.get(shown.key_id)
            assert kept is not None
            ends = datetime.now(UTC) + timedelta(milliseconds=200)
            served.store.add(replace(kept.key, expires_at=ends), kept.digest)
            assert any("has expired" in line for line in lines)
        assert any(line == ": beat" for line in beats)
        assert served.gateway.use.listeners == 1


def test_a_store_that_does_not_answer_ends_nothing(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served.client().stream("GET", "/events", headers=EVENTS) as answer:
        lines = answer.iter_lines()
        next(lines)
        looks: list[str] = []

        def away(key_id: str) -> Any:
            looks.append(key_id)
            raise httpx.ConnectError("away")

        monkeypatch.setattr(served.store, "get", away)
        wait_until(lambda: len(looks) >= 3)
        assert any(line == ": beat" for line in lines)
