"""Input of strangers: each is answered with a clear error, and none with a fault of the server."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runfold.infra.credentials.bearer.issuers import Issuer
from runfold.infra.credentials.bearer.verifying import Verifier
from runfold.surfaces.http.access.limits import Limits
from tests.deciders.given import RUN
from tests.deciders.given import request as asked
from tests.http.serving import serving
from tests.mcp.conftest import mounting
from tests.support.builders.stories import WRITES
from tests.surfaces.answering import answering

ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
MODERN = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}


@pytest.fixture(scope="module")
def client() -> Any:
    limits = Limits(body_bytes=100_000, rate=1_000_000)
    with serving(answering(asked(), WRITES), mounted=mounting, limits=limits) as served:
        client = served.client()
        client.headers.update(ACCEPT)
        yield client


def post(client: httpx.Client, body: object, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post("/mcp", content=content, headers=headers)


def call(name: Any, arguments: Any, **more: Any) -> dict[str, Any]:
    params = {"name": name, "arguments": arguments, **more}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def error_of(answer: httpx.Response) -> dict[str, Any]:
    found = answer.json()["error"]
    assert isinstance(found["message"], str)
    assert found["message"]
    return dict(found)


def said(answer: httpx.Response) -> Any:
    """Return the message that an answer carries, from JSON or from a stream."""
    if answer.headers["content-type"].startswith("application/json"):
        return answer.json()
    data = [each[6:] for each in answer.text.split("\n") if each.startswith("data: ")]
    return json.loads(data[-1])


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed"),
        (b"{", 400, "malformed"),
        (b"\xff\xfe", 400, "malformed"),
        (b'{"a": NaN}', 400, "malformed"),
        (b'{"a": 1, "a": 2}', 400, "malformed"),
        (b'{"a": ' + b"9" * 5_000 + b"}", 400, "malformed"),
        (b"[" * 500 + b"]" * 500, 400, "too_deep"),
        (b'"' + b"x" * 200_000 + b'"', 413, "too_large"),
    ],
)
def test_bodies_that_nobody_can_read(
    client: httpx.Client, body: bytes, status: int, code: str
) -> None:
    for headers in ({}, {"mcp-protocol-version": MODERN}):
        answer = post(client, body, **headers)
        assert answer.status_code == status, answer.text
        assert error_of(answer)["data"]["code"] == code


@pytest.mark.parametrize("body", [[], 7, None, "x", [{}], {}, {"jsonrpc": "1.0"}, {"id": {}}])
def test_json_that_is_no_message(client: httpx.Client, body: Any) -> None:
    for headers in ({}, {"mcp-protocol-version": MODERN}, {"mcp-session-id": "x"}):
        answer = post(client, body, **headers)
        assert 400 <= answer.status_code < 500, answer.text
        assert error_of(answer)


def test_other_methods_media_types_and_sessions(client: httpx.Client) -> None:
    assert client.get("/mcp").status_code == 405
    assert client.put("/mcp", content=b"{}").headers["allow"] == "POST, DELETE"
    assert client.delete("/mcp").status_code == 400
    assert post(client, {}, **{"content-type": "text/plain"}).status_code == 415
    for session in ("x", "2025-11-25.f." + "z" * 32, "a" * 2_000, "2026-07-28.f." + "0" * 32):
        answer = post(client, call("get_run", {}), **{"mcp-session-id": session})
        assert answer.status_code == 404
        assert "initialize" in error_of(answer)["message"]
    unknown = post(client, call("get_run", {}), **{"mcp-protocol-version": "1999-01-01"})
    assert unknown.status_code == 400
    elsewhere = client.post("/mcp", json={}, headers={"host": "evil.example"})
    assert elsewhere.status_code == 403
    page = client.post("/mcp", json={}, headers={"origin": "http://evil.example"})
    assert page.status_code == 403


def test_nobody_without_a_key_is_served(client: httpx.Client) -> None:
    with httpx.Client(base_url=client.base_url, timeout=30) as stranger:
        answer = stranger.post("/mcp", json=call("get_run", {}))
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert "resource_metadata" not in answer.headers["www-authenticate"]
        assert stranger.get("/.well-known/oauth-protected-resource").status_code == 404


DEEP: Any = "x"
for _ in range(50):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("get_run", {}),
        ("get_run", {"run_id": 7}),
        ("get_run", {"run_id": "x" * 5_000}),
        ("get_run", {"run_id": "no such run"}),
        ("get_run", {"run_id": "\u0000" * 36}),
        ("get_run", {"run_id": RUN, "wait_s": -1}),
        ("get_run", {"run_id": RUN, "wait_s": 1e300}),
        ("get_run", {"run_id": RUN, "more": 1}),
        ("list_run_events", {"run_id": RUN, "after": -1}),
        ("list_run_events", {"run_id": RUN, "limit": 10**30}),
        ("approve", {"run_id": RUN, "call_id": "2", "decision": "perhaps"}),
        ("approve", {"run_id": RUN, "call_id": "x.y", "decision": "approve"}),
        ("approve", {"run_id": RUN, "call_id": "2", "decision": "approve", "shown_digest": "zz"}),
        ("answer", {"run_id": RUN, "question_id": "2", "answer": ["x"]}),
        ("worker", {"goal": None}),
        ("worker", {}),
        ("worker", {"goal": "x", "wait_s": "long"}),
        ("worker", {"goal": "x", "idempotency_key": ""}),
        ("run_agent", {"agent": "", "goal": "x"}),
        ("run_agent", {"agent": "worker", "goal": None}),
        ("run_agent", {"agent": ["worker"], "goal": DEEP}),
    ],
)
def test_arguments_that_do_not_fit_are_results_that_say_so(
    client: httpx.Client, name: str, arguments: Any
) -> None:
    for headers, meta in (
        ({}, {}),
        (
            {"mcp-protocol-version": MODERN, "mcp-method": "tools/call", "mcp-name": name},
            {"_meta": META},
        ),
    ):
        answer = post(client, call(name, arguments, **meta), **headers)
        assert answer.status_code == 200, answer.text
        result = said(answer)["result"]
        assert result["isError"] is True
        code, _, detail = result["content"][0]["text"].partition(": ")
        assert code in {"invalid", "not_found", "usage"}, result
        assert detail
        assert len(result["content"][0]["text"]) < 10_000


HALF: list[tuple[str, dict[str, Any]]] = [
    ("tools/call", {"name": "\ud800", "arguments": {}}),
    ("tools/call", {"name": "get_run", "arguments": {"run_id": RUN, "\ud800": 1}}),
    ("tools/call", {"name": "worker", "arguments": {"goal": ["\ud800"]}}),
    ("tools/list", {"scopes": ["\ud800"]}),
    ("tools/list", {"cursor": "\ud800"}),
    ("resources/read", {"uri": "\ud800"}),
    ("\ud800", {}),
]


@pytest.mark.parametrize(("method", "params"), HALF)
def test_half_characters_are_refused(
    client: httpx.Client, method: str, params: dict[str, Any]
) -> None:
    for headers in ({}, {"mcp-protocol-version": MODERN}):
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": META}}
        answer = post(client, body, **headers)
        assert answer.status_code == 400
        assert error_of(answer)["data"]["code"] == "malformed"


def test_uris_that_name_nothing(client: httpx.Client) -> None:
    name = "0" * 64
    for uri in (
        "", "x", "runfold://runs/", "runfold://runs/../x", f"runfold://runs/{RUN}/secrets",
        f"runfold://runs/{RUN}/artifacts/{name}", f"runfold://runs/{RUN}/artifacts/../{name}",
        "file:///etc/passwd", f"runfold://runs/{RUN}/events?after=x", "u" * 5_000,
        "runfold://runs/" + "0" * 36,
    ):  # fmt: skip
        body = {"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": uri}}
        answer = post(client, body)
        assert answer.status_code == 200
        assert said(answer)["error"]["code"] in {-32002, -32602}, uri


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)
METHODS = st.sampled_from(
    [
        "initialize", "ping", "tools/list", "tools/call", "resources/list", "resources/read",
        "resources/templates/list", "prompts/list", "tasks/get", "tasks/update", "tasks/cancel",
        "server/discover", "logging/setLevel", "completion/complete", "notifications/cancelled",
        "subscriptions/listen", "sampling/createMessage", "",
    ]
) | st.text(max_size=20)  # fmt: skip
PARAMS = VALUES | st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["get_run", "worker", "run_agent", "approve"]) | VALUES,
        "arguments": st.dictionaries(
            st.sampled_from(["run_id", "goal", "agent", "wait", "call_id", "decision"]), VALUES
        )
        | VALUES,
        "uri": st.just(f"runfold://runs/{RUN}") | VALUES,
        "cursor": VALUES,
        "scopes": VALUES,
        "taskId": VALUES,
        "requestState": VALUES,
        "inputResponses": VALUES,
        "_meta": st.just(META) | VALUES,
        "protocolVersion": VALUES,
        "capabilities": VALUES,
    },
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(method=METHODS, params=PARAMS, own=VALUES, modern=st.booleans())
def test_any_message_is_answered_without_a_fault(
    client: httpx.Client, method: str, params: Any, own: Any, modern: bool
) -> None:
    body = {"jsonrpc": "2.0", "id": own, "method": method, "params": params}
    headers = {"mcp-protocol-version": MODERN} if modern else {}
    if modern and method.isascii() and method.isprintable() and method.strip() == method:
        headers["mcp-method"] = method
    answer = post(client, body, **headers)
    assert answer.status_code < 500, answer.text
    if answer.content and answer.status_code == 200:
        found = said(answer)
        assert found.get("error", {}).get("code") != -32603, found


def test_a_server_is_as_it_was_after_all_that(client: httpx.Client) -> None:
    answer = post(client, call("get_run", {"run_id": RUN}))
    assert said(answer)["result"]["structuredContent"]["run_id"] == RUN


def test_too_many_calls_of_a_key_are_refused() -> None:
    with serving(mounted=mounting, limits=Limits(rate=1)) as tight:
        client = tight.client()
        client.headers.update(ACCEPT)
        answers = [post(client, call("get_run", {"run_id": RUN})) for _ in range(15)]
        assert answers[-1].status_code == 429
        assert "retry-after" in answers[-1].headers


def test_an_issuer_that_is_configured_is_told() -> None:
    issuer = "https://id.example.com"

    def mounted(gateway: Any, url: str) -> Any:
        return mounting(gateway, url, public_url="https://agents.example.com/mcp")

    trusted = Issuer(name="own", issuer=issuer, audience=("runfold",), tenant="default")
    tokens = Verifier((trusted,))
    with serving(mounted=mounted, tokens=tokens) as served, served.stranger() as stranger:
        answer = stranger.post("/mcp", json=call("get_run", {}))
        place = "https://agents.example.com/.well-known/oauth-protected-resource/mcp"
        assert f'resource_metadata="{place}"' in answer.headers["www-authenticate"]
        for path in ("", "/mcp"):
            found = stranger.get(f"/.well-known/oauth-protected-resource{path}").json()
            assert found["resource"] == "https://agents.example.com/mcp"
            assert found["authorization_servers"] == [issuer]
            assert "operator" not in found["scopes_supported"]
        assert stranger.post("/.well-known/oauth-protected-resource").status_code == 405
