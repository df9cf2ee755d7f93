"""Ways to run a tool: one row each, found by what stands before the colon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from runfold.processors.tool import ToolContext, ToolRefusedError, implementations
from runfold.processors.tool.implementations import (
    WAYS,
    Way,
    implementation_of,
    reconciler_of,
)
from tests.tool.given import MODULES


async def _echo(arguments: Mapping[str, Any], _context: ToolContext) -> object:
    return arguments


def test_a_new_way_is_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    way = Way("echo", "echo:<name>", lambda target, _modules: _echo if target == "e" else None)
    monkeypatch.setitem(implementations._BY_NAME, "echo", way)
    assert implementation_of("echo:e", ()) is _echo
    assert reconciler_of("echo:e", ()) is None
    with pytest.raises(ToolRefusedError, match="no implementation 'echo:f'"):
        implementation_of("echo:f", ())


@pytest.mark.parametrize("name", ["", "eval:1", "builtin", "builtin:nothing"])
def test_an_unknown_implementation_is_refused_with_the_ways_there_are(name: str) -> None:
    with pytest.raises(ToolRefusedError) as refused:
        implementation_of(name, MODULES)
    assert refused.value.info.error_type == "unavailable"
    assert refused.value.info.suggested_next_action == (
        "Say builtin:<name> or python:<module>:<function>."
    )


def test_only_tools_in_python_can_find_out_about_calls_that_were_cut_off() -> None:
    assert [way.name for way in WAYS] == ["builtin", "python"]
    assert reconciler_of("builtin:files.read", MODULES) is None
    assert reconciler_of("nothing:at.all", MODULES) is None
