"""The documents of topics and routes as others read them: a strict parser, and a person."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from runfold.events.catalogue import CATALOGUE
from runfold.events.topics import TOPICS
from runfold.surfaces.http.documents import asyncapi, openapi, page
from runfold.surfaces.http.routes import ROUTES
from tests.system.foreign import clients

HERE = Path(__file__).parent / "asyncapi"
ERROR = 0


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Parses a document with the AsyncAPI project's own parsers, of AsyncAPI and of Avro."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm not on PATH: the AsyncAPI parser cannot run here")
    folder = tmp_path_factory.mktemp("asyncapi")
    (folder / "node_modules").symlink_to(clients.npm_packages("asyncapi", HERE))
    for name in ("check.mjs", "package.json"):
        shutil.copy(HERE / name, folder)

    def check(document: dict[str, Any]) -> dict[str, Any]:
        (folder / "document.json").write_text(json.dumps(document))
        done = subprocess.run(
            ["node", "check.mjs", "document.json"], cwd=folder, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return check


def errors_of(found: dict[str, Any]) -> list[str]:
    return [each["message"] for each in found["diagnostics"] if each["severity"] == ERROR]


@pytest.mark.timeout(900)
def test_the_document_is_one_with_avro_payloads(checked: Any) -> None:
    found = checked(asyncapi.document())
    assert errors_of(found) == []
    assert found["channels"] == [topic.name for topic in TOPICS]
    assert found["messages"] == sum(map(len, CATALOGUE.values()))


@pytest.mark.timeout(900)
def test_a_broken_document_and_a_broken_payload_are_found(checked: Any) -> None:
    document = asyncapi.document()
    message = document["components"]["messages"]["runs.summaries-RunSummary"]
    whole = json.dumps(message)
    message["payload"]["schema"]["fields"][0]["type"] = "strings"
    assert errors_of(checked(document))
    document["components"]["messages"]["runs.summaries-RunSummary"] = json.loads(whole)
    document["operations"]["receive.alerts"]["action"] = "listen"
    assert errors_of(checked(document))


def test_it_is_the_same_each_time_and_served(client: httpx.Client) -> None:
    assert asyncapi.text() == asyncapi.text()
    answer = client.get("/asyncapi.json")
    assert answer.json() == asyncapi.document()
    sends = {name for name in answer.json()["operations"] if name.startswith("send.")}
    assert sends == {"send.runs.requests", "send.runs.controls"}


@pytest.mark.parametrize("path", ["/openapi", "/asyncapi"])
def test_a_page_loads_nothing_and_runs_nothing(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    text = answer.text
    assert not re.search(r"<(script|img|link|iframe|object|embed|form|base)\b", text)
    assert not re.search(r"\b(src|on\w+|style)\s*=\s*[\"']", text)
    assert "@import" not in text
    assert "url(" not in text
    named = [route.path for route in ROUTES] if path == "/openapi" else [t.name for t in TOPICS]
    assert all(name in text for name in named)
    targets = set(re.findall(r'href="#([^"]+)"', text))
    assert targets <= set(re.findall(r'id="([^"]+)"', text))


def test_a_page_reads_as_text_and_not_as_its_source() -> None:
    document = openapi.document(ROUTES)
    for text in (page.openapi(document), page.asyncapi(asyncapi.document())):
        words = re.sub(r"<pre>.*?</pre>", "", text, flags=re.DOTALL)
        assert "`" not in words
        assert not re.search(r" \[\d+(, \d+)*\]", words)
    text = page.openapi(document)
    assert "<p>Ask for a run; answer once the request is durable.</p>" in text
    assert "<code>too_deep</code>: the JSON is nested too deeply" in text


def test_what_stands_in_a_document_is_shown_and_not_run() -> None:
    evil = "<script>alert(1)</script>\"'><img src=x onerror=1>"
    document = openapi.document(ROUTES)
    document["info"]["description"] = evil
    document["paths"]["/runs"]["post"]["summary"] = evil
    document["components"]["schemas"][evil] = {"description": evil, "properties": {evil: {}}}
    topics = asyncapi.document()
    topics["channels"]["alerts"]["title"] = evil
    topics["components"]["messages"]["alerts-AlertRaised"]["payload"]["schema"]["doc"] = evil
    for text in (page.openapi(document), page.asyncapi(topics)):
        assert "<script" not in text
        assert "<img" not in text
