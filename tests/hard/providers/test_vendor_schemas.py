"""What a vendor refuses of a tool's schema is said at `apply`, and names the vendor [10]."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runfold.processors.model.vendor_schemas import refused_by_vendors
from runfold.processors.tool.builtin import builtin_contracts
from tests.definitions.given import loader

SOUND = {
    "type": "object",
    "properties": {
        "path": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "many": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["path"],
}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({**SOUND, "anyOf": [{"required": ["path"]}]}, "OpenAI and Anthropic refuse anyOf"),
        ({**SOUND, "oneOf": []}, "OpenAI and Anthropic refuse oneOf"),
        ({**SOUND, "allOf": []}, "OpenAI and Anthropic refuse allOf"),
        ({**SOUND, "not": {}}, "OpenAI refuses not"),
        ({"properties": {}}, "say type: object"),
        ({"type": "object", "properties": {"a b": {}}}, "Anthropic refuses the property 'a b'"),
        ({"type": "object", "properties": {"x" * 900: {}}}, "Anthropic refuses the property"),
        ({"type": "object", "properties": {"a": {"type": "array"}}}, "OpenAI refuses the list 'a'"),
        (
            {"type": "object", "$defs": {"d": {"properties": {"e": {"type": "array"}}}}},
            "OpenAI refuses the list 'd.e' without items",
        ),
    ],
)
def test_what_vendors_refuse_is_named(schema: dict[str, Any], said: str) -> None:
    found = refused_by_vendors(schema)
    assert len(found) == 1
    assert said in found[0]


def test_what_vendors_take_is_not() -> None:
    assert refused_by_vendors(SOUND) == []
    for contract in builtin_contracts():
        assert refused_by_vendors(contract.input_schema) == [], contract.name


def test_schemas_of_any_form_are_looked_through() -> None:
    deep: dict[str, Any] = {"type": "object"}
    for _ in range(5000):
        deep = {"type": "object", "properties": {"a": deep}}
    for schema in (deep, {"type": "object", "properties": 3, "anyOf": 4, "$defs": [1]}):
        assert isinstance(refused_by_vendors(schema), list)


def test_it_is_said_at_apply(tmp_path: Path) -> None:
    schema = json.dumps({**SOUND, "anyOf": [{"required": ["path"]}]})
    manifest = f"""\
apiVersion: runfold/v1
kind: Tool
metadata: {{name: shelf.read, version: "1.0.0"}}
spec:
  use: builtin:files.read
  input_schema: {schema}
"""
    (told,) = loader(tmp_path)(manifest).remarks
    assert str(told.field) == "spec.input_schema"
    assert "OpenAI and Anthropic refuse anyOf at the top" in told.message
