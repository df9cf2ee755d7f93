"""Whatever a client sends, it is answered with a clear error, and never with a bug."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runfold.surfaces.http.access.limits import Limits
from tests.a2a.calling import agents
from tests.deciders.given import RUN
from tests.deciders.given import request as asked
from tests.http.serving import Served
from tests.support.builders.stories import WRITES
from tests.surfaces.answering import answering

BASE = "/a2a/agents/worker"
# Without what cancels: the run must live to hear the rest.
METHODS = (
    "SendMessage", "SendStreamingMessage", "GetTask", "ListTasks", "SubscribeToTask",
    "CreateTaskPushNotificationConfig", "GetTaskPushNotificationConfig",
    "ListTaskPushNotificationConfigs", "DeleteTaskPushNotificationConfig", "GetExtendedAgentCard",
    "message/send", "message/stream", "tasks/get", "tasks/resubscribe",
    "tasks/pushNotificationConfig/set", "agent/getAuthenticatedExtendedCard",
)  # fmt: skip
NAMES = (
    "id", "taskId", "message", "messageId", "contextId", "parts", "text", "data", "raw", "role",
    "configuration", "historyLength", "pageSize", "pageToken", "status", "tenant", "url", "token",
    "metadata", "decision", "call_id", "shown_digest", "kind", "statusTimestampAfter",
)  # fmt: skip
WORDS = st.sampled_from(
    ["", "\0", "\ud800", RUN, RUN.upper(), f"{RUN}.2", "ROLE_USER", "approve", "9" * 40, "umbrella"]
) | st.text(max_size=10)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=10,
)
MESSAGES = st.fixed_dictionaries(
    {"messageId": WORDS, "role": st.sampled_from(["ROLE_USER", "ROLE_AGENT", "x"])},
    optional={
        "parts": st.lists(
            st.fixed_dictionaries({}, optional={"text": WORDS, "data": VALUES, "raw": WORDS}),
            max_size=2,
        ),
        "taskId": st.just(RUN) | WORDS,
        "contextId": WORDS,
        "metadata": VALUES,
    },
)
PARAMS = (
    st.fixed_dictionaries({"id": st.just(RUN)}, optional={"historyLength": VALUES})
    | st.fixed_dictionaries({"taskId": st.just(RUN)}, optional={"url": WORDS, "id": WORDS})
    | st.fixed_dictionaries({"message": MESSAGES}, optional={"configuration": VALUES})
    | VALUES
)
ERRORS = {
    -32700, -32600, -32601, -32602, -32001, -32002, -32003, -32004, -32005, -32006, -32007, -32008,
    -32009,
}  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    # A model that never answers: what is waited for is not waited for long.
    limits = Limits(longest_wait_s=0.05, rate=100_000)
    folder: Path = tmp_path_factory.mktemp("a2a")
    with agents(folder, answering(asked(), WRITES), limits=limits) as found:
        yield found


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[httpx.Client]:
    key = served.key()
    headers = {"authorization": f"Bearer {key}", "a2a-version": "1.0"}
    with httpx.Client(base_url=served.url, headers=headers, timeout=30) as found:
        yield found


def whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def said(
    client: httpx.Client,
    method: str,
    path: str,
    body: bytes | None = None,
    more: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """What is answered at first; a stream is left after that."""
    headers = {"content-type": "application/json", **(more or {})} if body is not None else {}
    with client.stream(method, path, content=body, headers=headers) as answer:
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return answer.status_code, next(line for line in answer.iter_lines() if line)
        answer.read()
        return answer.status_code, answer.text


def checked(status: int, text: str) -> None:
    # There are no views behind this gateway: lists say so.
    assert status < 500 or '"code":"unavailable"' in text, (status, text)
    if not text.startswith("{"):
        return
    found = json.loads(text)
    error = found.get("error") if isinstance(found, dict) else None
    if isinstance(error, dict) and "jsonrpc" in found:
        assert error["code"] in ERRORS, found
        assert error["message"]
    assert "Traceback" not in text


@settings(max_examples=200)
@given(method=st.sampled_from(METHODS) | WORDS, params=PARAMS, number=VALUES)
def test_any_rpc(client: httpx.Client, method: str, params: Any, number: Any) -> None:
    rpc = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    version = {"a2a-version": "0.3"} if "/" in method else {}
    checked(*said(client, "POST", BASE, json.dumps(rpc).encode(), version))


@settings(max_examples=100)
@given(
    path=st.sampled_from(
        [
            "/message:send", "/message:stream", f"/tasks/{RUN}:cancel2", f"/tasks/{RUN}",
            f"/tasks/{RUN}/pushNotificationConfigs", "/v1/message:send", "/tasks",
            "/tasks/5:cancel", "/umbrella/tasks", f"/umbrella/tasks/{RUN}", "/nothing",
        ]
    ),
    body=st.fixed_dictionaries({"message": MESSAGES}) | VALUES,
    method=st.sampled_from(["POST", "GET", "PUT", "DELETE"]),
    query=st.dictionaries(st.sampled_from(NAMES), WORDS.map(whole), max_size=3),
)  # fmt: skip
def test_any_route(
    client: httpx.Client, path: str, body: Any, method: str, query: dict[str, str]
) -> None:
    address = str(httpx.URL(BASE + path, params=query))
    content = None if method == "GET" else json.dumps(body).encode()
    checked(*said(client, method, address, content))


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 200, -32700),
        (b"{", 200, -32700),
        (b"\xff", 200, -32700),
        (b"[" * 100_000, 200, -32700),
        (b'{"a": "\\ud800"}', 200, -32700),
        (b'{"a": 1, "a": 2}', 200, -32700),
        (b"[]", 200, -32600),
        (b"null", 200, -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "Nothing"}', 200, -32601),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": 5}}', 200, -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "5"}}', 200, -32001),
        (b'"' + b"x" * 2_000_000 + b'"', 413, None),
    ],
)
def test_what_cannot_be_meant_is_said(
    client: httpx.Client, body: bytes, status: int, code: int | None
) -> None:
    answer = client.post(BASE, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status, answer.text
    if code is not None:
        assert answer.json()["error"]["code"] == code, answer.text


def test_a_version_that_is_not_spoken_is_refused(client: httpx.Client) -> None:
    rpc = {"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": RUN}}
    for version in ("2.0", "0.3", "x"):
        answer = client.post(BASE, json=rpc, headers={"a2a-version": version})
        assert answer.json()["error"]["code"] == -32009, (version, answer.text)
    old = {"jsonrpc": "2.0", "id": 1, "method": "tasks/get", "params": {"id": RUN}}
    assert client.post(BASE, json=old).json()["error"]["code"] == -32009
