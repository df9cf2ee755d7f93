from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold.processors.model.names import resolve
from runfold.processors.model.providers import anthropic, openai
from runfold.processors.model.providers.tool_names import ToolNames, names_of
from runfold.processors.model.providers.wire import Target
from tests.model.given import assistant, proposed, result, user, work


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


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "shop.pay is not among the tools of a (files.read, files.read.all, complete_task).",
            "shop.pay is not among the tools of a (files__read, files__read__all, complete_task).",
        ),
        ('{"error": "files.read did not answer"}', '{"error": "files__read did not answer"}'),
        ("Call files.read.", "Call files__read."),
        # What only holds such a name is no tool.
        ("/home/files.read files.read.txt files.read/a", None),
        ("my-files.read xfiles.read files.reader files.read-1", None),
    ],
)
def test_an_error_names_tools_as_the_model_knows_them(said: str, told: str | None) -> None:
    names = ToolNames(["files.read", "files.read.all", "complete_task", ""])

    assert names.told(said) == (told or said)
    assert ToolNames(["complete_task"]).told(said) == said


@pytest.mark.parametrize("api", [openai, anthropic])
def test_a_refusal_names_tools_as_the_model_knows_them_and_a_result_stays(api: Any) -> None:
    asked = [proposed(f"c{n}", "files.read", {"path": "a"}) for n in range(2)]
    refusal, found = "Use files.read.", "the text files.read"
    answers = [result("c0", refusal, is_error=True), result("c1", found)]
    given = work(user("go"), assistant(None, *asked), *answers)
    target = Target("p", "m")
    sent = json.dumps(api.request(given, target, names_of(given)).body)

    assert "Use files__read." in sent
    assert found in sent


@given(st.sets(st.text(max_size=100) | st.from_regex(r"a[._]{0,3}b", fullmatch=True), max_size=8))
def test_every_set_of_names_fits_the_wire_and_comes_back(ours: set[str]) -> None:
    names = ToolNames(ours)
    wire = {name: names.wire(name) for name in ours}
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", found) for found in wire.values())
    assert {name: names.ours(found) for name, found in wire.items()} == {n: n for n in ours}
    assert {name: ToolNames(sorted(ours)).wire(name) for name in ours} == wire
