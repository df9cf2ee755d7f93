"""Versions: a request whose version is not that of what it asks for is told what to send."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.a2a.calling import agents
from tests.deciders.given import RUN
from tests.deciders.given import request as asked
from tests.support.builders.stories import WRITES
from tests.surfaces.answering import answering

BASE = "/a2a/agents/worker"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder: Path = tmp_path_factory.mktemp("versions")
    with agents(folder, answering(asked(), WRITES)) as served:
        yield served.client()


def called(client: httpx.Client, method: str, **headers: str) -> Any:
    rpc = {"jsonrpc": "2.0", "id": 7, "method": method, "params": {"id": RUN}}
    return client.post(BASE, json=rpc, headers=headers).json()


@pytest.mark.parametrize("headers", [{}, {"a2a-version": "0.3"}, {"a2a-version": "2.0"}])
def test_a_method_of_1_0_without_its_version_is_told_which_header_to_send(
    client: httpx.Client, headers: dict[str, str]
) -> None:
    for method in ("GetTask", "SendMessage", "SubscribeToTask", "GetExtendedAgentCard"):
        said = called(client, method, **headers)
        assert (said["id"], said["error"]["code"]) == (7, -32009), said
        assert f"{method} is a method of A2A 1.0" in said["error"]["message"]
        assert "send the header A2A-Version: 1.0" in said["error"]["message"]


def test_a_method_of_0_3_with_the_version_of_1_0_is_told_what_to_leave_out(
    client: httpx.Client,
) -> None:
    said = called(client, "tasks/get", **{"a2a-version": "1.0"})["error"]
    assert said["code"] == -32009
    assert "leave the header A2A-Version out" in said["message"]
    assert "SendMessage" in said["message"]


def test_paths_are_told_the_same(client: httpx.Client) -> None:
    for path in (f"{BASE}/tasks/{RUN}", f"{BASE}/tasks", f"{BASE}/extendedAgentCard"):
        answer = client.get(path)
        assert answer.status_code == 400, answer.text
        said = answer.json()["error"]
        assert "send the header A2A-Version: 1.0" in said["message"], said
        assert said["details"][0]["reason"] == "VERSION_NOT_SUPPORTED"
    sent = client.post(f"{BASE}/message:send", json={})
    assert "send the header A2A-Version: 1.0" in sent.json()["error"]["message"]
    old = client.get(f"{BASE}/v1/tasks/{RUN}", headers={"a2a-version": "1.0"})
    assert old.status_code == 400
    assert "leave /v1 out of the path" in old.json()["error"]["message"]


def test_what_fits_is_served_and_what_is_not_there_is_still_not_there(
    client: httpx.Client,
) -> None:
    for version in ("1.0", "1.0.1", "1"):
        assert called(client, "GetTask", **{"a2a-version": version})["result"]["id"] == RUN
    assert called(client, "tasks/get")["result"]["id"] == RUN
    assert called(client, "tasks/get", **{"a2a-version": "0.3.0"})["result"]["id"] == RUN
    assert called(client, "NoSuch")["error"]["code"] == -32601
    assert client.get(f"{BASE}/nowhere").status_code == 404
