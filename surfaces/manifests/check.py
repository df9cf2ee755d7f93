"""Whether a document is a manifest: every fault with its line, and what is not honoured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

from runfold.infra.documents import Document, FieldPath
from runfold.surfaces.manifests.agents import flow
from runfold.surfaces.manifests.agents.response_profile import is_bare, with_envelope
from runfold.surfaces.manifests.faults import faults_of
from runfold.surfaces.manifests.ossa.reading import is_ossa, read_ossa
from runfold.surfaces.manifests.ossa.safety import not_honoured
from runfold.surfaces.manifests.problems import Remark, did_you_mean

SCHEMAS = {
    "Agent": "agent",
    "Tool": "tool",
    "Flow": "flow",
    "ModelScript": "model_script",
    "Policy": "policy",
    "TenantPolicy": "tenant_policy",
    "ResponseProfile": "response_profile",
    "Subscription": "subscription",
    "Subscriber": "subscriber",
}
"""The kinds of documents, and the file of the schema of each."""

FORMER = {"Playbook": "ModelScript"}
"""Former names of kinds, which stay valid."""


@cache
def schema_of(kind: str) -> dict[str, Any]:
    """Return the JSON Schema of a kind of manifest."""
    file = resources.files("runfold.surfaces.manifests") / "schema" / f"{SCHEMAS[kind]}.json"
    schema: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return schema


def check(document: Document) -> list[Remark]:
    """Note every fault in ``document.problems``; return what is valid but not honoured."""
    data = document.data
    if not isinstance(data, dict):
        document.refuse((), "a manifest is a mapping with apiVersion, kind, metadata and spec")
        return []
    if is_bare(data):
        with_envelope(document)
        data = document.data
    if flow.is_bare(data):
        flow.with_envelope(document)
        data = document.data
    if is_ossa(data):
        told = read_ossa(document, schema_of("Agent"))
        return [*told, *_unhonoured(schema_of("Agent"), document.data, (), document)]
    kind = data.get("kind")
    kind = FORMER.get(kind, kind) if isinstance(kind, str) else None
    if kind not in SCHEMAS:
        near = did_you_mean(str(data.get("kind")), SCHEMAS)
        document.refuse(("kind",), f"a kind is one of {', '.join(SCHEMAS)}.{near}")
        return []
    schema = schema_of(kind)
    for fault in faults_of(schema, data):
        document.refuse(fault.path, fault.sentence)
    return list(_unhonoured(schema, data, (), document))


def _unhonoured(
    schema: dict[str, Any], value: Any, path: FieldPath, document: Document
) -> Iterator[Remark]:
    if "$ref" in schema:
        return
    if "x-not-honoured" in schema:
        yield from not_honoured(document, path, value, schema["x-not-honoured"])
    elif isinstance(value, dict):
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        for key, item in value.items():
            of_item = known.get(key, others)
            if isinstance(of_item, dict):
                yield from _unhonoured(of_item, item, (*path, key), document)
    elif isinstance(value, list) and "items" in schema:
        for at, item in enumerate(value):
            yield from _unhonoured(schema["items"], item, (*path, at), document)
