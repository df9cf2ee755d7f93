"""What a process says of the calls that it is making."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from runfold.events.calls import ToolResult, ToolWork
from runfold.infra.metrics.table import TABLE
from runfold.processors.effects.kinds import Make, Served
from runfold.processors.effects.under_way import UnderWay
from runfold.processors.tool.kind import TOOL_CALL, may_repeat
from tests.effects.given import succeeded, tool_work


def test_calls_are_counted_while_they_are_made_with_the_longest_time_left() -> None:
    now = [100.0]
    under_way = UnderWay(30.0, lambda: now[0])

    async def calls() -> None:
        ends = {"a.1": asyncio.Event(), "b.1": asyncio.Event()}

        async def handle(work: ToolWork) -> ToolResult:
            await ends[work.call_id].wait()
            if work.call_id == "a.1":
                raise ValueError("a handler may break")
            return succeeded(work)

        noted = under_way.noting(TOOL_CALL, handle, lambda work: work.call_id == "a.1")
        assert under_way.told() == told(0, 0.0, 0)
        made = [
            asyncio.ensure_future(noted(tool_work("a.1", timeout_ms=20_000))),
            asyncio.ensure_future(noted(tool_work("b.1", timeout_ms=40_000))),
        ]
        await asyncio.sleep(0)
        now[0] = 113.0
        assert under_way.told() == told(2, 27.0, 1)
        gauge = TABLE.registry.get_sample_value(
            "runfold_effects_longest_left_seconds", {"kind": "tool"}
        )
        assert gauge == 27.0
        # One that overruns has no time left, and is there all the same.
        now[0] = 145.0
        assert under_way.told() == told(2, 0.0, 1)
        ends["a.1"].set()
        with pytest.raises(ValueError, match="a handler may break"):
            await made[0]
        assert under_way.told() == told(1, 0.0, 1)
        ends["b.1"].set()
        await made[1]
        assert under_way.told() == told(0, 0.0, 0)

    asyncio.run(calls())


def told(calls: int, left_s: float, unsafe: int) -> dict[str, object]:
    return {"under_way": calls, "left_s": left_s, "unsafe": unsafe, "drain_s": 30.0}


def test_a_tool_call_that_is_cut_off_is_safe_if_its_contract_says_so() -> None:
    from runfold.events.definitions import ToolContract  # noqa: PLC0415 - of this test alone

    def contract(**more: object) -> ToolContract:
        given = {
            "name": "t",
            "version": "1",
            "description": "A tool.",
            "implementation": "python:m:f",
            "input_schema": {"type": "object"},
        }
        return ToolContract.model_validate({**given, **more})

    for found, safe in (
        (contract(risk_level=3), False),
        (contract(risk_level=3, idempotent=True), True),
        (contract(risk_level=0), True),
        (None, True),
    ):
        assert may_repeat(lambda *_, found=found: found)(tool_work()) is safe  # type: ignore[misc]


def test_calls_that_begin_by_permission_are_counted_while_they_are_made() -> None:
    under_way = UnderWay(120)

    @asynccontextmanager
    async def ready(work: ToolWork) -> AsyncIterator[Make[ToolResult]]:
        async def make() -> ToolResult:
            assert under_way.told()["under_way"] == 1
            return succeeded(work)

        yield make

    async def handler(work: ToolWork) -> ToolResult:
        raise AssertionError(work)

    async def made() -> None:
        served = under_way.over(Served(TOOL_CALL, handler, ready=ready), lambda _work: False)
        assert served.ready is not None
        async with served.ready(tool_work("r.1")) as make:
            assert under_way.told()["under_way"] == 0
            await make()
        assert under_way.told()["under_way"] == 0

    asyncio.run(made())
