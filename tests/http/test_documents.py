"""The source documents' own examples that are the gateway's, as they stand: X1, X10, X13, X29."""

from __future__ import annotations

import json

import httpx
import pytest
import yaml

from runfold.surfaces.http.refusals.problems import Problem, answer
from runfold.surfaces.http.route import Route
from runfold.surfaces.http.routes import ROUTES
from runfold.surfaces.http.routes.definitions import as_yaml
from tests.deciders.given import RUN, done
from tests.deciders.given import request as asked
from tests.http import serving as module
from tests.http.serving import serving
from tests.surfaces.answering import answering

X1 = """
{ "status": "success", "exit_code": 0,
  "payload": { "cve_count": 12, "severity": "high",
               "artifacts": ["reports/security-audit-v1.pdf"] },
  "usage": { "total_tokens": 1420, "cost_usd": 0.042, "latency_ms": 850 } }
"""
X10 = (
    "current_run",
    "status",
    "last_action",
    "next_proposed_action",
    "requires_approval",
    "estimated_cost_so_far",
)
X13 = (
    "POST /runs",
    "GET /runs/{run_id}",
    "POST /runs/{run_id}/cancel",
    "POST /runs/{run_id}/resume",
    "POST /runs/{run_id}/approve",
    "GET /runs/{run_id}/events",
)
X29 = ("user_id", "tenant_id", "role", "scopes", "data_classification", "request_id", "trace_id")


def test_x1_a_run_ends_with_the_completion_signal() -> None:
    wanted = json.loads(X1)
    with serving(answering(asked(), done("twelve holes"))) as served:
        found = served.client().get(f"/runs/{RUN}").json()["exit"]

    assert (found["status"], found["exit_code"]) == (wanted["status"], wanted["exit_code"])
    # Its keys are the agent's own, as its result schema has them.
    assert found["payload"] == {"summary": "twelve holes"}
    assert set(wanted["usage"]) <= set(found["usage"])
    assert isinstance(found["usage"]["cost_usd"], float)


def test_x10_a_run_has_the_card(client: httpx.Client) -> None:
    card = client.get(f"/runs/{RUN}").json()["card"]
    assert tuple(card) == X10


@pytest.mark.parametrize("line", X13)
def test_x13_the_routes_are_there_as_they_are_written(line: str) -> None:
    method, _, path = line.partition(" ")
    assert [route for route in ROUTES if (route.method, route.path) == (method, path)]


def test_x29_every_request_carries_the_seven_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def remembering(route: Route) -> Route:
        async def endpoint(call):  # type: ignore[no-untyped-def]
            seen.append(call.caller.shape())
            return await route.endpoint(call)

        fields = {name: getattr(route, name) for name in Route.__dataclass_fields__}
        return Route(**{**fields, "endpoint": endpoint})

    routes = tuple(remembering(route) for route in ROUTES if route.scope is not None)
    make_app = module.make_app
    monkeypatch.setattr(module, "make_app", lambda gateway, mounted: make_app(gateway, routes))
    with serving(answering(asked())) as other:
        client = other.client(roles=("clerk",))
        client.get(f"/runs/{RUN}")
        client.get(f"/runs/{RUN}/events")
    assert len(seen) == 2
    for each in seen:
        assert all(getattr(each, name) for name in X29)


def test_a_manifest_is_the_same_in_yaml() -> None:
    manifest = {
        "a": "\U0001f600 \x00\x1f\x7f\x85\u2028\ufeff é \\ud83d \"'# &x *x",
        "\u00e9": [1.5],
    }
    assert yaml.safe_load(as_yaml(manifest, "/manifests/0")) == manifest
    with pytest.raises(Problem, match="half a character"):
        as_yaml({"a": "\ud83d"}, "/manifests/0")


def test_a_refusal_can_be_said_whatever_it_names() -> None:
    errors = ({"pointer": "/\ud800", "detail": "half"},)
    said = answer(Problem("invalid", "It names \ud83d.", errors=errors), "/runs", "r")
    assert json.loads(bytes(said.body))["detail"] == "It names ?."
