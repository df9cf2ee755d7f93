"""Rules that hold for every route of the table, also for those that are yet to come."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from runfold.infra.gateway.api_key import new_key
from runfold.surfaces.http.access.identity import GRANTS, OPERATOR
from runfold.surfaces.http.documents.openapi import codes_of
from runfold.surfaces.http.refusals.codes import CODES
from runfold.surfaces.http.route import Route
from runfold.surfaces.http.routes import ROUTES
from tests.deciders.given import RUN
from tests.deciders.given import request as asked
from tests.http.serving import Served, serving
from tests.support.builders.stories import WRITES
from tests.surfaces.answering import answering

ROOT = Path(__file__).parents[2]
WITH_KEY = [route for route in ROUTES if route.scope is not None]
SCOPED = [route for route in ROUTES if route.scope]
OF_A_RUN = [route for route in ROUTES if "{run_id}" in route.path]
BODIES: dict[str, dict[str, Any]] = {
    "submit_run": {"goal": "x", "agent": "worker"},
    "approve_run": {"call_id": "2"},
    "deny_run": {"call_id": "2", "reason": "no"},
    "messages_run": {"content": "x"},
    "instructions_run": {"instructions": "x"},
    "answer_run": {"question_id": "2", "answer": "x"},
    "extend_run": {"added": {"usd": 1}},
    "resolve_run": {"call_id": "2", "resolution": "happened"},
    "reply_run": {"text": "x"},
    "results_run": {"call_id": "2", "result": 1},
    "publish_definitions": {"manifests": [{"kind": "Agent"}]},
    "give_feedback": {"rating": 4},
    "promote_version": {"kind": "agent", "name": "clerk"},
    "create_webhook": {
        "name": "hook",
        "url": "https://example.com/",
        "secrets": ["webhook"],
        "events": ["*"],
    },
    "replay_webhook": {"from": "earliest"},
    "add_browser": {
        "endpoint": "https://push.example.com/x",
        "keys": {"p256dh": "BP", "auth": "BT"},
    },
}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """One gateway for all of them: none needs a run of its own."""
    with serving(answering(asked(), WRITES)) as found:
        yield found


@pytest.fixture(scope="module")
def client(served: Served) -> httpx.Client:
    return served.client()


def by_name(routes: list[Route]) -> Any:
    return pytest.mark.parametrize("route", routes, ids=lambda route: route.name)


def ask(client: httpx.Client, route: Route, **headers: str) -> httpx.Response:
    """Ask for a route with a body that fits it."""
    path = re.sub(r"\{(\w+)\}", lambda found: RUN if found[1] == "run_id" else "1", route.path)
    body = BODIES.get(route.name, {}) if route.body is not None else None
    content = None if body is None else json.dumps(body).encode()
    given = {"content-type": "application/json", **headers} if content else headers
    return client.request(route.method, path, content=content, headers=given)


def is_problem(answer: httpx.Response, *codes: str) -> None:
    """See that an answer is a whole problem, with one of these codes."""
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert said["code"] in codes, said
    kind = CODES[said["code"]]
    assert (said["status"], said["title"]) == (answer.status_code, kind.title)
    assert said["retryable"] == kind.retryable
    assert said["detail"].endswith((".", "?"))
    assert said["request_id"] == answer.headers["x-request-id"]


@by_name(WITH_KEY)
def test_without_a_key_nobody_is_let_in(served: Served, route: Route) -> None:
    is_problem(ask(served.stranger(), route), "unauthenticated")
    wrong = served.client(key=str(new_key()))
    is_problem(ask(wrong, route), "unauthenticated", "refused_too_often")


@by_name(SCOPED)
def test_a_key_without_the_scope_is_refused(served: Served, route: Route) -> None:
    others = tuple(scope for scope in GRANTS if scope != route.scope)
    is_problem(ask(served.client(scopes=others), route), "forbidden")


@by_name([route for route in SCOPED if route.scope == OPERATOR])
def test_what_is_an_operators_needs_it_by_name(served: Served, route: Route) -> None:
    is_problem(ask(served.client(scopes=("*",)), route), "forbidden")


@by_name([route for route in SCOPED if route.method == "GET"])
def test_every_read_is_on_record_before_it_is_made(served: Served, route: Route) -> None:
    noted: list[str] = []

    def address() -> str:
        noted.append(route.name)
        raise RuntimeError("There is none.")

    with serving(served.log, reads="require", reads_to=address) as other:
        answer = ask(other.client(scopes=("*", OPERATOR)), route)
    # Nothing is read without a record where one is required.
    is_problem(answer, "unavailable")
    assert noted == [route.name]


@by_name(OF_A_RUN)
def test_another_tenants_run_is_not_there(served: Served, route: Route) -> None:
    stranger = served.client(tenant="umbrella")
    answer = ask(stranger, route)
    is_problem(answer, "not_found", "unavailable")
    if answer.status_code == 404:
        other = RUN[:-4] + "0000"
        path = route.path.replace("{run_id}", other)
        missing = ask(stranger, Route(**{f: getattr(route, f) for f in FIELDS} | {"path": path}))
        assert answer.json()["detail"].replace(RUN, "X") == missing.json()["detail"].replace(
            other, "X"
        )


FIELDS = tuple(Route.__dataclass_fields__)


@by_name(list(ROUTES))
def test_every_answer_has_the_marks_of_its_request(served: Served, route: Route) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with_key = served.client(scopes=("*", OPERATOR))
    answer = ask(with_key, route, **{"x-request-id": "mine-7", "traceparent": trace})
    assert answer.headers["x-request-id"] == "mine-7"
    assert answer.headers["traceparent"].split("-")[1] == trace.split("-")[1]
    assert answer.headers["traceparent"] != trace
    assert ("ratelimit" in answer.headers) == (route.scope is not None)
    if answer.status_code >= 400:
        is_problem(answer, *codes_of(route))
    else:
        assert answer.status_code in route.answers


@by_name([route for route in ROUTES if route.body is not None])
@pytest.mark.parametrize(
    ("body", "media_type", "code"),
    [
        (b"[]", "application/json", "invalid"),
        (b'{"surely": "unknown"}', "application/json", "invalid"),
        (b'{"\\ud800": "half a character"}', "application/json", "invalid"),
        (b'{"a": 1, "a": 2}', "application/json", "malformed"),
        (b'{"a": NaN}', "application/json", "malformed"),
        (b"{", "application/json", "malformed"),
        (b"\xff\xfe", "application/json", "malformed"),
        (b'{"a": ' + b"9" * 5000 + b"}", "application/json", "malformed"),
        (b'{"a": 1e999999999}', "application/json", "invalid"),
        (b'{"a":' + b"[" * 1000 + b"]" * 1000 + b"}", "application/json", "too_deep"),
        (b"{}", "text/plain", "unsupported_media_type"),
        (b"{}", "application/json; charset=utf-16", "unsupported_media_type"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    client: httpx.Client, route: Route, body: bytes, media_type: str, code: str
) -> None:
    path = route.path.replace("{run_id}", RUN)
    answer = client.request(route.method, path, content=body, headers={"content-type": media_type})
    is_problem(answer, code)


@by_name(list(ROUTES))
def test_a_parameter_that_a_route_has_not_is_refused(served: Served, route: Route) -> None:
    path = re.sub(r"\{(\w+)\}", lambda found: RUN if found[1] == "run_id" else "1", route.path)
    client = served.client(scopes=("*", OPERATOR))
    answer = client.request(route.method, path, params={"colour": "red"})
    is_problem(answer, "malformed")
    assert "no parameter 'colour'" in answer.json()["detail"]


def test_whole_events_go_to_an_address_only_for_who_may_read_them(served: Served) -> None:
    body = {**BODIES["create_webhook"], "contents": "event"}
    client = served.client(scopes=("webhooks:write",))
    is_problem(client.post("/webhooks", json=body), "forbidden")
    may = served.client(scopes=("webhooks:write", "runs:read"))
    assert may.post("/webhooks", json=body).status_code != 403


def test_a_mistyped_filter_lists_nothing_and_says_which_was_meant(client: httpx.Client) -> None:
    answer = client.get("/runs", params={"statuss": "failed"})
    is_problem(answer, "malformed")
    assert answer.json()["detail"].endswith('Did you mean "status"?')


def test_other_paths_and_methods_are_problems_too(client: httpx.Client) -> None:
    is_problem(client.get("/nothing"), "no_such_route")
    is_problem(client.get("/runs/"), "no_such_route")
    answer = client.request("TRACE", "/runs")
    is_problem(answer, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, POST"
    head = client.head(f"/runs/{RUN}")
    assert (head.status_code, head.content) == (200, b"")


def test_the_document_has_every_route_and_every_problem(client: httpx.Client) -> None:
    found = client.get("/openapi.json").json()
    assert found["openapi"] == "3.1.0"
    assert {(method.upper(), path) for path, of in found["paths"].items() for method in of} == {
        (route.method, route.path) for route in ROUTES
    }
    names = [route.name for route in ROUTES]
    assert len(names) == len(set(names))
    for route in ROUTES:
        said = found["paths"][route.path][route.method.lower()]
        assert said["summary"]
        assert said["description"]
        assert {str(CODES[code].status) for code in codes_of(route)} <= set(said["responses"])
    refs = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(found)))
    assert refs <= set(found["components"]["schemas"])


def test_the_page_names_every_route() -> None:
    page = (ROOT / "docs/http.md").read_text(encoding="utf-8")
    missing = [
        route.name
        for route in ROUTES
        if f"`/{route.path.rpartition('/')[2]}`" not in page
        and route.path.replace("{run_id}", "{id}") not in page
    ]
    assert missing == []


def test_who_asks_is_what_the_key_says(served: Served) -> None:
    client = served.client(user="eve", roles=("chief", "clerk"), scopes=("runs:read", "read:x"))
    answer = client.get("/identity", headers={"x-request-id": "r-1"})
    found = answer.json()
    assert {
        name: found[name] for name in ("user_id", "tenant_id", "role", "scopes", "request_id")
    } == {
        "user_id": "eve",
        "tenant_id": "acme",
        "role": "chief",
        "scopes": ["runs:read", "read:x"],
        "request_id": "r-1",
    }
    assert found["data_classification"] == "internal"
    assert found["trace_id"] == answer.headers["traceparent"].split("-")[1]
