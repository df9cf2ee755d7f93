"""The worked example of docs/definitions.md: its files are taken as they stand on the page."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from runfold.events.definitions import AgentDefinition, Definitions, ToolContract
from runfold.surfaces.application.governing.publish import declared
from tests.docs.given import ROOT

PAGE = (ROOT / "docs" / "definitions.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```(py|yml|bash)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def example() -> dict[str, str]:
    """The blocks between the beginning of the example and its commands, by language."""
    _, _, rest = PAGE.partition("From a function to a run, in order.")
    return dict(_BLOCK.findall(rest)[:3])


def test_the_files_of_the_page_are_a_tool_and_an_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = example()
    assert set(blocks) == {"py", "yml", "bash"}
    (tmp_path / "orders_tools.py").write_text(blocks["py"])
    (tmp_path / "manifests.yaml").write_text(blocks["yml"])
    exports = dict(re.findall(r"^export (\w+)=(.*)$", blocks["bash"], re.MULTILINE))
    assert list(exports) == ["RUNFOLD_TOOL_MODULES", "PYTHONPATH"]
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    env = {**os.environ, "RUNFOLD_TOOL_MODULES": exports["RUNFOLD_TOOL_MODULES"]}
    made = declared([tmp_path], env, Definitions())
    assert made.remarks == ()
    (tool,) = (each for each in made.definitions if isinstance(each, ToolContract))
    assert tool.input_schema["required"] == ["customer"]
    assert (tool.risk_level, tool.timeout_ms, tool.idempotent) == (0, 5000, True)
    (agent,) = (each for each in made.definitions if isinstance(each, AgentDefinition))
    assert agent.tools == (tool.name,)


def test_the_variables_are_set_before_the_stack_is_started() -> None:
    commands = example()["bash"]
    assert commands.rindex("export ") < commands.index("runfold up")
    assert commands.index("runfold apply -f orders") < commands.index("runfold run ")
