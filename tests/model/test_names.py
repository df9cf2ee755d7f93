from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold.processors.model.names import resolve
from runfold.processors.model.providers.tool_names import ToolNames


@pytest.mark.parametrize(
    ("name", "configured", "resolved"),
    [
        ("openai:gpt-4o", ("anthropic:claude",), "openai:gpt-4o"),
        ("default:triage", ("anthropic:claude", "openai:gpt"), "anthropic:claude"),
        ("default:triage", (), "scripted:triage"),
        ("default:triage", ("scripted", "openai:gpt"), "scripted:triage"),
        ("default", (), "scripted:"),
    ],
)
def test_default_is_the_first_configured_model_or_the_script(
    name: str, configured: tuple[str, ...], resolved: str
) -> None:
    assert resolve(name, configured) == resolved


def test_dots_become_double_underscores() -> None:
    names = ToolNames(["files.read", "complete_task"])
    assert names.wire("files.read") == "files__read"
    assert names.wire("complete_task") == "complete_task"


def test_a_name_the_model_invented_is_left_as_it_is() -> None:
    assert ToolNames(["files.read"]).ours("files_delete") == "files_delete"


@given(st.sets(st.text(max_size=100) | st.from_regex(r"a[._]{0,3}b", fullmatch=True), max_size=8))
def test_every_set_of_names_fits_the_wire_and_comes_back(ours: set[str]) -> None:
    names = ToolNames(ours)
    wire = {name: names.wire(name) for name in ours}
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", found) for found in wire.values())
    assert {name: names.ours(found) for name, found in wire.items()} == {n: n for n in ours}
    assert {name: ToolNames(sorted(ours)).wire(name) for name in ours} == wire
