"""An older client of the API is served as it was: by the document, and by what answers say."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import httpx
import pytest

from runfold.surfaces.http import app
from runfold.surfaces.http.documents.openapi import document
from runfold.surfaces.http.routes import ROUTES
from runfold.surfaces.http.versions import VERSION, VERSIONS, Deprecated
from tests.http.compatibility import RECORDED, breaks
from tests.http.serving import serving

Json = dict[str, Any]


def now() -> Json:
    found: Json = json.loads(json.dumps(document(ROUTES)))
    return found


def test_nothing_that_was_recorded_breaks() -> None:
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    assert breaks(recorded, now()) == [], (
        "An older client breaks on this: add instead of changing, or begin a new version in "
        "surfaces/http/versions.py and record it (python -m tests.http.compatibility)."
    )


def runs(doc: Json, method: str = "post") -> Json:
    found: Json = doc["paths"]["/runs"][method]
    return found


def schema(doc: Json, name: str) -> Json:
    found: Json = doc["components"]["schemas"][name]
    return found


def required(doc: Json) -> None:
    schema(doc, "RunBody")["required"].append("feature")


def optional_answer(doc: Json) -> None:
    schema(doc, "RunAccepted")["required"].remove("status")


def parameter(doc: Json) -> None:
    new = {"name": "x", "in": "query", "required": True, "schema": {"type": "string"}}
    runs(doc, "get")["parameters"].append(new)


def fewer_statuses(doc: Json) -> None:
    for each in runs(doc, "get")["parameters"]:
        if each["name"] == "status":
            each["schema"]["enum"].remove("failed")


def deeper(doc: Json) -> None:
    schema(doc, "CompletionUsage")["properties"]["total_tokens"] = {"type": "string"}


BREAKS: dict[str, Callable[[Json], object]] = {
    "a route": lambda d: d["paths"].pop("/identity"),
    "a method": lambda d: d["paths"]["/runs"].pop("get"),
    "its name": lambda d: runs(d).update(operationId="ask"),
    "its scope": lambda d: runs(d).update({"x-runfold-scope": "operator"}),
    "a field that is needed": required,
    "a parameter that is needed": parameter,
    "a parameter": lambda d: runs(d)["parameters"].pop(0),
    "fewer values": fewer_statuses,
    "a field that is taken": lambda d: schema(d, "RunBody")["properties"].pop("labels"),
    "a narrower field": lambda d: schema(d, "RunBody")["properties"]["agent"].update(maxLength=5),
    "a field that is given": lambda d: schema(d, "RunView")["properties"].pop("card"),
    "a field that may be missing": optional_answer,
    "another type": lambda d: schema(d, "RunView")["properties"].update(seq={"type": "string"}),
    "another type, deep down": deeper,
    "a status": lambda d: runs(d)["responses"].pop("202"),
    "a media type": lambda d: runs(d)["responses"]["202"]["content"].clear(),
}


@pytest.mark.parametrize("what", BREAKS)
def test_what_breaks_a_client_is_found(what: str) -> None:
    changed = now()
    BREAKS[what](changed)
    assert breaks(now(), changed) != []


def test_what_is_added_breaks_nobody() -> None:
    changed = now()
    changed["paths"]["/new"] = copy.deepcopy(changed["paths"]["/runs"])
    schema(changed, "RunBody")["properties"]["new"] = {"type": "string"}
    schema(changed, "RunView")["properties"]["new"] = {"type": "string"}
    schema(changed, "RunView")["required"].append("new")
    schema(changed, "Problem")["properties"]["code"]["enum"].append("new")
    runs(changed)["responses"]["418"] = runs(changed)["responses"]["400"]
    runs(changed, "get")["parameters"].append(
        {"name": "new", "in": "query", "required": False, "schema": {"type": "string"}}
    )
    assert breaks(now(), changed) == []


def test_a_request_may_name_its_version(client: httpx.Client) -> None:
    for version in VERSIONS:
        answer = client.get("/identity", headers={"runfold-version": version})
        assert (answer.status_code, answer.headers["runfold-version"]) == (200, version)
    assert client.get("/identity").headers["runfold-version"] == VERSION
    refused = client.get("/identity", headers={"runfold-version": "2020-01-01"})
    assert (refused.status_code, refused.json()["code"]) == (400, "unknown_version")
    assert VERSION in refused.json()["detail"]
    assert client.get("/openapi.json").json()["info"]["version"] == VERSION


def test_a_route_that_is_to_go_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    going = Deprecated(date(2026, 12, 1), date(2027, 12, 1), "/runs")
    old = replace(ROUTES[0], path="/old-runs", name="old_runs", deprecated=going)
    make = app.make_app
    monkeypatch.setattr(
        "tests.http.serving.make_app",
        lambda gateway, mounted: make(gateway, (*ROUTES, old), mounted),
    )
    with serving() as served:
        for answer in (
            served.client().post("/old-runs", json={"goal": "x", "agent": "worker"}),
            served.stranger().post("/old-runs", json={}),
        ):
            assert answer.headers["deprecation"] == "@1796083200"
            assert answer.headers["sunset"] == "Wed, 01 Dec 2027 00:00:00 GMT"
            assert answer.headers["link"] == '</runs>; rel="successor-version"'
        assert "deprecation" not in served.client().get("/runs").headers
    said = document((old,))["paths"]["/old-runs"]["post"]
    assert said["deprecated"] is True
    assert "deprecated" not in document(ROUTES)["paths"]["/runs"]["post"]
