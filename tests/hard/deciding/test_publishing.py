"""A contract that nothing could evaluate is refused by ``apply`` and by every publisher."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runfold.processors.definitions.unusable import unusable
from tests.deciders.given import agent, tool
from tests.definitions.given import TOOL, faults_of
from tests.hard.deciding.outside import nothing_outside
from tests.hard.deciding.test_schemas import LADDER, UNFIT

BAD = {name: schema for name, (schema, _) in UNFIT.items() if schema and "deep" not in name}


@pytest.mark.parametrize("field", ["input_schema", "output_schema"])
@pytest.mark.parametrize("name", [name for name in BAD if name != "half an emoji"])
def test_a_publisher_refuses_it_with_the_place(name: str, field: str) -> None:
    with nothing_outside():
        assert unusable(tool("send", **{field: BAD[name]})).startswith(f"{field}")


def test_what_can_be_evaluated_is_published() -> None:
    assert unusable(agent()) == ""
    assert unusable(tool("send", output_schema={"$ref": "#/$defs/a", "$defs": {"a": True}})) == ""


def test_apply_names_the_place_of_what_cannot_be_evaluated(tmp_path: Path) -> None:
    schema = {**LADDER, "type": "object", "$schema": "http://127.0.0.1:9/draft"}
    with_tool = TOOL + f"  input_schema: {json.dumps(schema)}\n"
    (told,) = faults_of(tmp_path)(with_tool)
    assert "spec.input_schema.$schema" in told
    schema.pop("$schema")
    (told,) = faults_of(tmp_path)(TOOL + f"  input_schema: {json.dumps(schema)}\n")
    assert "unfolds to more than 1,000 schemas" in told
