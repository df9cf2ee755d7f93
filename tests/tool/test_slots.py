"""A tool with a bound across processes: a call without a slot is held, others ask for none."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError

from runfold.events.calls import Outcome, ToolResult, ToolWork
from runfold.events.contents.content import json_content
from runfold.events.definitions import ToolContract
from runfold.events.values import Placement
from runfold.infra.artifacts.memory import MemoryArtifacts
from runfold.processors.effects.holds import CannotBeginError
from runfold.processors.tool import ToolProcessor, contract_of
from runfold.processors.tool.claims.memory import ClaimTable, MemoryClaims
from runfold.processors.tool.claims.slots import Slot, SlotRequest, Slots
from runfold.processors.tool.errors import ClaimsUnavailableError
from runfold.processors.tool.kind import TOOL_CALL
from tests.effects.given import tool_work
from tests.tool import samples

READS = contract_of(samples.add).model_copy(update={"output_schema": None})
CAPPED = READS.model_copy(update={"max_concurrency_total": 1})


class Process:
    """One process with the tool; ``may_end`` lets its calls end."""

    def __init__(self, contract: ToolContract, slots: Slots | None) -> None:
        self.may_end = asyncio.Event()
        self.began = asyncio.Event()
        self.made = 0
        self.contract = contract
        self.processor = ToolProcessor(
            lambda _name, _version, _tenant: contract,
            None,
            MemoryArtifacts(),
            given={contract.implementation: self._run},
            slots=slots,
        )

    async def _run(self, _arguments: object, _context: object) -> str:
        self.made += 1
        self.began.set()
        await self.may_end.wait()
        return "read"

    def work(self, **more: Any) -> ToolWork:
        given = {"by_permission": True, "timeout_ms": 100, **more}
        return tool_work(tool=self.contract.name, arguments=json_content({"left": 1}), **given)

    async def call(self, **more: Any) -> ToolResult:
        work = self.work(**more)
        if not work.by_permission:
            return await self.processor.call(work)
        try:
            async with self.processor.ready(work) as make:
                return await make()
        except CannotBeginError as hold:
            return TOOL_CALL.on_held(work, hold.info())


class AwaySlots:
    """A store that does not answer."""

    def __init__(self) -> None:
        self.asked = 0

    async def take(self, _wanted: SlotRequest) -> Slot | None:
        self.asked += 1
        raise ClaimsUnavailableError("no answer")

    def give_back(self, slot: Slot) -> None:
        raise AssertionError(slot)


def said(result: ToolResult) -> tuple[Outcome, str]:
    assert result.error is not None
    return result.outcome, result.error.error_type


def two(table: ClaimTable) -> list[Process]:
    return [Process(CAPPED, MemoryClaims(table).slots) for _ in range(2)]


@pytest.mark.parametrize("by_permission", [True, False])
def test_what_another_process_executes_counts(*, by_permission: bool) -> None:
    async def test() -> None:
        one, other = two(ClaimTable())
        async with one.processor.ready(one.work()):
            result = await other.call(by_permission=by_permission)
            outcome = Outcome.HELD if by_permission else Outcome.FAILED
            assert said(result) == (outcome, "at_capacity")
            assert other.made == 0
        # It was not made, and its slot is the next one's.
        other.may_end.set()
        assert (await other.call(by_permission=by_permission)).outcome is Outcome.SUCCEEDED

    asyncio.run(test())


def test_a_call_waits_a_moment_for_a_slot() -> None:
    async def test() -> None:
        one, other = two(ClaimTable())
        first = asyncio.create_task(one.call(timeout_ms=60_000))
        await one.began.wait()
        second = asyncio.create_task(other.call(timeout_ms=60_000))
        other.may_end.set()
        one.may_end.set()
        assert [(await each).outcome for each in (first, second)] == [Outcome.SUCCEEDED] * 2

    asyncio.run(test())


def test_a_call_of_a_tool_without_a_bound_asks_no_store() -> None:
    slots = AwaySlots()

    async def test() -> None:
        process = Process(READS, slots)
        process.may_end.set()
        assert (await process.call()).outcome is Outcome.SUCCEEDED

    asyncio.run(test())
    assert slots.asked == 0


def test_a_store_that_is_away_holds_calls_and_is_not_asked_by_each() -> None:
    slots = AwaySlots()

    async def test() -> None:
        process = Process(CAPPED, slots)
        for _ in range(3):
            assert said(await process.call()) == (Outcome.HELD, "claims_unavailable")

    asyncio.run(test())
    assert slots.asked == 1


def test_a_process_without_a_store_refuses() -> None:
    assert said(asyncio.run(Process(CAPPED, None).call())) == (Outcome.FAILED, "unavailable")


@pytest.mark.parametrize(
    ("own", "total", "at_once"), [(None, None, None), (3, None, 3), (None, 2, 2), (5, 2, 2)]
)
def test_a_process_begins_no_more_than_either_bound(
    own: int | None, total: int | None, at_once: int | None
) -> None:
    bounds = {"max_concurrency": own, "max_concurrency_total": total}
    process = Process(READS.model_copy(update=bounds), None)
    assert process.processor.cap(process.work()) == at_once


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ({"max_concurrency_total": 0}, "greater than or equal to 1"),
        ({"max_concurrency_total": 1001}, "less than or equal to 1000"),
        ({"max_concurrency_total": 1, "placement": Placement.LOCAL}, "say placement: pool"),
        ({"server": "No Server"}, "String should match pattern"),
        ({"server": ""}, "String should match pattern"),
    ],
)
def test_what_cannot_be_meant_is_refused(field: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        ToolContract.model_validate({**READS.model_dump(), **field})


def test_a_contract_without_them_keeps_its_digest() -> None:
    assert not {"server", "max_concurrency_total"} & set(READS.model_dump())
