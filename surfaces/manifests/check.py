"""Whether a document is a manifest: every fault with its line, and what is not honoured."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from runfold.infra.documents import Document, FieldPath
from runfold.surfaces.manifests.agents import flow
from runfold.surfaces.manifests.agents.response_profile import is_bare, with_envelope
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

_OSSA_KINDS = {"Task", "Workflow"}
_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text (write it in quotes)",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


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
    kind = data.get("kind")
    kind = FORMER.get(kind, kind) if isinstance(kind, str) else None
    if kind not in SCHEMAS:
        document.refuse(("kind",), _no_such_kind(kind))
        return []
    schema = schema_of(kind)
    for error in _leaves(Draft202012Validator(schema).iter_errors(data)):
        _explain(error, document)
    return list(_unhonoured(schema, data, (), document))


def _no_such_kind(kind: object) -> str:
    if kind in _OSSA_KINDS:
        return (
            f"{kind} is OSSA, but not offered yet: a manifest is an Agent, a Tool, a "
            "ModelScript, a Policy, a TenantPolicy, a ResponseProfile, a Subscription or a "
            "Subscriber"
        )
    return f"a kind is one of {', '.join(SCHEMAS)}.{did_you_mean(str(kind), SCHEMAS)}"


def _leaves(errors: Iterable[ValidationError]) -> Iterator[ValidationError]:
    """Replace a failed choice by what is wrong within the one branch of the value's own type."""
    for error in errors:
        branches: dict[object, list[ValidationError]] = {}
        for inner in error.context or ():
            branches.setdefault(inner.relative_schema_path[0], []).append(inner)
        meant = [
            inner
            for inner in branches.values()
            if not any(each.validator == "type" and not each.relative_path for each in inner)
        ]
        if len(meant) == 1:
            yield from _leaves(meant[0])
        else:
            yield error


def _explain(error: ValidationError, document: Document) -> None:
    path: FieldPath = tuple(error.absolute_path)
    value: Any = error.instance
    rule: Any = error.validator_value
    schema: Any = error.schema
    says = schema.get("x-says")
    match error.validator:
        case "additionalProperties":
            known = list(schema.get("properties", ()))
            for key in sorted(set(value) - set(known)):
                document.refuse((*path, key), f"unknown field.{did_you_mean(key, known)}")
        case "required":
            for key in sorted(set(rule) - set(value)):
                document.refuse(path, f'"{key}" is missing')
        case "enum":
            near = did_you_mean(str(value), [str(each) for each in rule])
            document.refuse(path, f"{_shown(value)} is none of {', '.join(map(str, rule))}.{near}")
        case "const":
            document.refuse(path, f"{_shown(value)} should be {rule}")
        case _ if says is not None:
            scalar = not isinstance(value, dict | list)
            document.refuse(path, f"{_shown(value)}: {says}" if scalar else says)
        case "type":
            wanted = " or ".join(_TYPES[each] for each in ([rule] if type(rule) is str else rule))
            document.refuse(path, f"{_shown(value)} should be {wanted}")
        case _:
            document.refuse(path, error.message)


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _unhonoured(
    schema: dict[str, Any], value: Any, path: FieldPath, document: Document
) -> Iterator[Remark]:
    if "$ref" in schema:
        return
    if "x-not-honoured" in schema:
        yield document.remark(path, f"not honoured: {schema['x-not-honoured']}")
    elif isinstance(value, dict):
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        for key, item in value.items():
            of_item = known.get(key, others)
            if isinstance(of_item, dict):
                yield from _unhonoured(of_item, item, (*path, key), document)
    elif isinstance(value, list) and "items" in schema:
        for at, item in enumerate(value):
            yield from _unhonoured(schema["items"], item, (*path, at), document)
