"""The document of the HTTP API is OpenAPI 3.1, as a validator of others reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

FILE = Path(__file__).parents[2] / "docs/openapi.json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The file, which tests of pages hold against the routes."""
    found: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    return found


def faults(document: dict[str, Any]) -> list[str]:
    found = OpenAPIV31SpecValidator(document).iter_errors()  # type: ignore[arg-type]
    return [f"{'/'.join(map(str, each.absolute_path))}: {each.message}" for each in found]


def test_the_document_is_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert faults(document) == []


def test_a_fault_would_be_found(document: dict[str, Any]) -> None:
    broken = json.loads(json.dumps(document))
    del broken["info"]["version"]
    broken["components"]["schemas"]["Problem"]["type"] = "record"
    assert len(faults(broken)) == 2


def test_every_answer_and_body_says_its_media_type(document: dict[str, Any]) -> None:
    """What has a body says of what kind: a client that is generated has to know how to read it."""
    bare = [
        f"{method} {path} {status}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        for status, answer in operation["responses"].items()
        if not answer.get("content") and status not in {"204", "304"}
    ]
    assert bare == []


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(found := value.get("$ref"), str):
            yield found
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_every_reference_leads_somewhere_and_nothing_is_left_over(document: dict[str, Any]) -> None:
    used = set(references(document))
    there = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "responses", "parameters", "headers")
        for name in document["components"].get(kind, {})
    }
    assert used == there
