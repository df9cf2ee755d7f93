"""Tools called in memory, checked as in production."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import runfold
from runfold.testing import ToolBench


@runfold.tool(risk_level=2, idempotent=True, auth=("KEY",), config={"limit": 5})
async def book(seat: str, context: runfold.ToolContext, people: int = 1) -> dict[str, Any]:
    """Book a seat."""
    await asyncio.sleep(0)
    if people > context.config["limit"]:
        raise runfold.ToolRefusedError("too many", suggested_next_action="Book twice.")
    if seat == "lost":
        raise OSError("the connection broke")
    return {"seat": seat, "people": people, "key": len(context.secret("KEY"))}


def bench(**changes: Any) -> ToolBench:
    return ToolBench(book, secrets={"KEY": "0123456789abcdef"}, **changes)


def test_a_call_gives_what_the_tool_returns() -> None:
    outcome = bench().call(seat="2B", people=2)

    assert (outcome.outcome, outcome.value) == (
        "succeeded", {"seat": "2B", "people": 2, "key": 16},
    )  # fmt: skip


@pytest.mark.parametrize(
    "arguments", [{}, {"seat": 7}, {"seat": "a", "more": 1}, {"seat": "a", "people": "many"}]
)
def test_arguments_are_checked_as_in_production(arguments: dict[str, object]) -> None:
    outcome = bench().call(arguments)

    assert outcome.outcome == "failed"
    assert outcome.error is not None
    assert outcome.error.error_type == "invalid_arguments"


def test_a_refusal_says_what_the_model_is_told() -> None:
    outcome = bench(config={"limit": 1}).call(seat="2B", people=2)

    assert outcome.error is not None
    assert (outcome.error.message, outcome.error.suggested_next_action) == (
        "too many", "Book twice.",
    )  # fmt: skip


def test_the_same_call_made_again_is_answered_from_its_claim() -> None:
    tool = bench()
    outcomes = [tool.call(seat="2B", call_id="c") for _ in range(2)]

    assert [outcome.repeated for outcome in outcomes] == [False, True]
    assert outcomes[0].value == outcomes[1].value


def test_an_exception_leaves_open_what_happened_or_is_an_error() -> None:
    assert bench().call(seat="lost").outcome in {"failed", "uncertain"}


def test_a_secret_that_is_not_there_is_said() -> None:
    outcome = ToolBench(book).call(seat="2B")

    assert (outcome.outcome, outcome.value) == ("failed", None)


def test_a_function_that_is_not_a_tool_is_refused() -> None:
    with pytest.raises(TypeError, match="mark it with @tool"):
        ToolBench(len)
