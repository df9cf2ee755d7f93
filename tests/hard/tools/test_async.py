"""Asynchronous tools that break the rules of their loop: each call has an outcome, others go on."""

from __future__ import annotations

import asyncio

import pytest

from runfold.events.calls import Outcome, ToolResult
from tests.hard.tools import hostile
from tests.hard.tools.nest import Nest, fault, lives, value
from tests.tool.given import Bench

RAISED = [
    ("exit", "SystemExit: 3"),
    ("keyboard", "KeyboardInterrupt: no message"),
    ("cancelled", "CancelledError: no message"),
    ("cancels", "CancelledError: no message"),
    ("generator", "GeneratorExit: no message"),
    ("base", "Base: of its own"),
    ("unspeakable", "UnspeakableError: its message cannot be read (RuntimeError)"),
]


@pytest.mark.parametrize(
    ("what", "message"),
    [*RAISED, ("beside", "SystemExit: 4"), ("stop", "RuntimeError: Event loop stopped")],
)
def test_whatever_a_tool_raises_is_its_outcome(what: str, message: str, nest: Nest) -> None:
    outcome, kind, said = fault(nest.one("raises", what=what))
    assert (outcome, kind) == ("failed", "tool_error")
    assert said.startswith(message)
    assert value(nest.one("works")) == "done"


@pytest.mark.parametrize(("what", "message"), RAISED)
def test_where_tools_run_in_the_same_process_it_is_too(what: str, message: str) -> None:
    outcome, kind, said = fault(
        Bench(hostile.raises, modules=("tests.hard.tools.hostile",)).call({"what": what})
    )
    assert (outcome, kind, said) == ("failed", "tool_error", message)


@pytest.mark.parametrize("name", ["holds", "swallows"])
def test_a_tool_that_does_not_let_go_is_ended_at_its_time_out(name: str, nest: Nest) -> None:
    async def story() -> list[ToolResult]:
        return await asyncio.gather(
            nest.call(name, 300, seconds=30.0), *(nest.call("naps", seconds=0.5) for _ in range(3))
        )

    stuck, *others = nest.run(story)
    assert fault(stuck)[:2] == ("failed", "timeout")
    assert all(other.outcome is Outcome.SUCCEEDED for other in others)


def test_what_a_tool_leaves_on_its_loop_is_ended(nest: Nest) -> None:
    pid = value(nest.one("leaks", seconds=30.0))
    while lives(pid):
        nest.one("naps", seconds=0.05)


@pytest.mark.parametrize(
    ("what", "kind"),
    [("path", "invalid_result"), ("key", "invalid_result"), ("raised", "tool_error")],
)
def test_a_name_that_is_not_utf_8_has_an_outcome(what: str, kind: str, nest: Nest) -> None:
    assert fault(nest.one("names", what=what))[:2] == ("failed", kind)
