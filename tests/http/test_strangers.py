"""Every route of the table, asked with every kind of key: whoever may not is told nothing.

The requests are made from the table, so that a route that is yet to come is asked as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from runfold.infra.gateway.api_key import new_key
from runfold.surfaces.http.access.identity import GRANTS, OPERATOR
from runfold.surfaces.http.documents.openapi import codes_of
from runfold.surfaces.http.route import Route
from runfold.surfaces.http.routes import ROUTES
from tests.http.product import AGENT, Product, asked, waiting
from tests.http.test_table import BODIES
from tests.projections.running import wait_caught_up

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

SECRET = "the cellar is full of gold"
WITH_KEY = [route for route in ROUTES if route.scope is not None]


class World:
    """A tenant with one of everything, and clients of others."""

    def __init__(self, product: Product, acme: httpx.Client, held: ExitStack) -> None:
        body = {"goal": SECRET, "agent": "clerk", "thread_id": "gold-thread"}
        self.run_id = acme.post("/runs", json=body).json()["run_id"]
        self.call_id = waiting(acme, self.run_id)
        kept = acme.post("/artifacts", content=SECRET.encode()).json()
        self.ids = {
            "run_id": self.run_id,
            "artifact_id": kept["artifact_id"],
            "thread_id": "gold-thread",
            "kind": "agent",
            "name": "clerk",
            "number": "1",
        }
        wait_caught_up(product.settings)
        self.owner = acme
        self.product = product
        self._held = held

    def client(self, key: str) -> httpx.Client:
        """A client with a key."""
        return self._held.enter_context(self.product.client(key))

    def ask(self, client: httpx.Client, route: Route, **other: str) -> httpx.Response:
        """Ask for a route with the owner's ids, in the path and in the body."""
        ids = {**self.ids, **other}
        path = re.sub(r"\{(\w+)\}", lambda found: ids.get(found[1], "1"), route.path)
        query = {name: ids[name] for name in ("run_id", "thread_id") if _takes(route, name)}
        if route.raw or route.uploads:
            return client.request(route.method, path, content=b"of whoever asks")
        body = None
        if route.body is not None:
            call_id = self.call_id.replace(self.run_id, ids["run_id"])
            call_id = self.call_id.replace(self.run_id, ids["run_id"])
            said = json.dumps(BODIES.get(route.name, {})).replace('"2"', f'"{call_id}"')
            body = json.loads(said)
        return client.request(route.method, path, params=query, json=body)


def _takes(route: Route, name: str) -> bool:
    return any(each.name == name and each.place == "query" for each in route.parameters)


@pytest.fixture(scope="module")
def world(product: Product, acme: httpx.Client) -> Iterator[World]:
    with ExitStack() as held:
        yield World(product, acme, held)


_UNKNOWN = ("unauthenticated", "too_many_requests", "refused_too_often")
"""What somebody is told whose key is not in force, once or again and again."""


def refused(answer: httpx.Response, *codes: str) -> None:
    """See that nothing is told but that it is refused."""
    said = answer.json()
    assert said["code"] in codes, (answer.request.method, answer.request.url, said)
    assert SECRET not in answer.text


def test_who_has_no_key_that_is_in_force_is_told_nothing(world: World) -> None:
    product = world.product
    expired, revoked = product.key("acme"), product.key("acme")
    now = datetime.now(UTC)
    with product.keys() as keys:
        keys.revoke(revoked[3:15], now)
        keys.rotate(expired[3:15], "0", now)
    unknown, real = str(new_key()), world.owner.headers["authorization"].split()[1]
    malformed = ("x", "rf_", real[:-1], f"{real}x", real.upper(), "x" * 5000)
    clients = [world.client(key) for key in (expired, revoked, unknown)]
    for route in WITH_KEY:
        for client in clients:
            refused(world.ask(client, route), *_UNKNOWN)
    with httpx.Client(base_url=world.owner.base_url, timeout=60) as stranger:
        for route in WITH_KEY:
            refused(world.ask(stranger, route), "unauthenticated")
        for text in malformed:
            said = {"authorization": f"Bearer {text}"}
            refused(stranger.get("/runs", headers=said), *_UNKNOWN)
        for said in ({"authorization": f"Basic {real}"}, {"x-api-key": real}):
            refused(stranger.get("/runs", headers=said), "unauthenticated")
        refused(stranger.get("/runs", params={"key": real}), "unauthenticated")


def test_a_key_without_the_scope_is_told_nothing(world: World) -> None:
    keys = {
        scope: world.product.key("acme", *(each for each in GRANTS if each != scope))
        for scope in {route.scope for route in WITH_KEY if route.scope}
    }
    for route in WITH_KEY:
        if route.scope:
            refused(world.ask(world.client(keys[route.scope]), route), "forbidden")


def test_what_is_one_tenants_is_not_there_for_another(world: World) -> None:
    other = world.client(world.product.key("rivals", "*"))
    before = world.owner.get(f"/runs/{world.run_id}").json()
    nobody = {"run_id": f"{world.run_id[:-4]}0000", "artifact_id": "0" * 64, "name": "nobody"}
    for route in WITH_KEY:
        if route.scope == OPERATOR:
            continue
        answer = world.ask(other, route)
        where = f"{route.method} {route.path}: {answer.text[:300]}"
        # What it made itself it may see; nothing of the owner's.
        told = {name: held for name, held in answer.json().items() if name != "instance"}
        assert SECRET not in json.dumps(told), where
        assert "gold-thread" not in json.dumps(told), where
        if "{run_id}" in route.path or "{artifact_id}" in route.path:
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), where
            missing = world.ask(other, route, **nobody)
            said = answer.json()["detail"].replace(world.run_id, "X")
            assert said == missing.json()["detail"].replace(nobody["run_id"], "X"), where
        elif "{" in route.path:
            assert answer.status_code in {404, 422}, where
        elif answer.status_code >= 400:
            assert answer.json()["code"] in codes_of(route), where
        elif route.method == "GET" and route.path != "/identity":
            assert _is_empty(answer.json()), where
    assert world.owner.get(f"/runs/{world.run_id}").json() == before


def _is_empty(said: Any) -> bool:
    """Whether an answer lists nothing of acme's."""
    return "acme" not in json.dumps(said) and AGENT["metadata"]["name"] not in json.dumps(said)


def test_the_owner_is_answered_by_every_route(world: World) -> None:
    key = world.product.key("acme", "*", OPERATOR)
    owner = world.client(key)
    last = ("cancel_run",)
    names = sorted(ROUTES, key=lambda route: route.name in last)
    for route in names:
        answer = world.ask(owner, route)
        if answer.status_code >= 400:
            assert answer.json()["code"] in codes_of(route), answer.text
            assert answer.status_code < 500, answer.text
        else:
            assert answer.status_code in route.answers, route.name
    assert asked(owner)
