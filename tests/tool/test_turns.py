"""A tool with a rate across processes: a call whose turn is too far off is held, others wait."""

from __future__ import annotations

import asyncio

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
from runfold.processors.tool.claims.turns import Offer, TurnRequest, Turns
from runfold.processors.tool.errors import ClaimsUnavailableError
from runfold.processors.tool.kind import TOOL_CALL
from tests.effects.given import tool_work
from tests.tool import samples

READS = contract_of(samples.add).model_copy(update={"output_schema": None})
RATED = READS.model_copy(update={"max_per_minute_total": 1})
OFTEN = READS.model_copy(update={"max_per_minute_total": 600})


class Process:
    """One process with the tool."""

    def __init__(self, contract: ToolContract, turns: Turns | None) -> None:
        self.made: list[float] = []
        self.contract = contract
        self.processor = ToolProcessor(
            lambda _name, _version, _tenant: contract,
            None,
            MemoryArtifacts(),
            given={contract.implementation: self._run},
            turns=turns,
        )

    async def _run(self, _arguments: object, _context: object) -> str:
        self.made.append(asyncio.get_running_loop().time())
        return "read"

    def work(self, *, by_permission: bool = True) -> ToolWork:
        return tool_work(
            tool=self.contract.name,
            arguments=json_content({"left": 1}),
            by_permission=by_permission,
            timeout_ms=10_000,
        )

    async def call(self, *, by_permission: bool = True) -> ToolResult:
        work = self.work(by_permission=by_permission)
        if not by_permission:
            return await self.processor.call(work)
        try:
            async with self.processor.ready(work) as make:
                return await make()
        except CannotBeginError as hold:
            return TOOL_CALL.on_held(work, hold.info())


class AwayTurns:
    """A store that does not answer."""

    def __init__(self) -> None:
        self.asked = 0

    async def take(self, _wanted: TurnRequest) -> Offer:
        self.asked += 1
        raise ClaimsUnavailableError("no answer")


def two(contract: ToolContract) -> list[Process]:
    table = ClaimTable()
    return [Process(contract, MemoryClaims(table).turns) for _ in range(2)]


def said(result: ToolResult) -> tuple[Outcome, str]:
    assert result.error is not None
    return result.outcome, result.error.error_type


@pytest.mark.parametrize("by_permission", [True, False])
def test_what_another_process_made_counts(*, by_permission: bool) -> None:
    async def test() -> None:
        one, other = two(RATED)
        assert (await one.call()).outcome is Outcome.SUCCEEDED
        result = await other.call(by_permission=by_permission)
        outcome = Outcome.HELD if by_permission else Outcome.FAILED
        assert said(result) == (outcome, "rate_limited")
        assert result.error is not None
        assert "1 times a minute by all" in result.error.message
        assert other.made == []

    asyncio.run(test())


def test_a_call_waits_for_a_turn_that_is_near() -> None:
    async def test() -> None:
        one, other = two(OFTEN)
        found = await asyncio.gather(*(each.call() for each in (one, other) for _ in range(3)))
        assert [each.outcome for each in found] == [Outcome.SUCCEEDED] * 6
        made = sorted(one.made + other.made)
        # Ten a second: the last of six begins half a second after the first, or later.
        assert made[-1] - made[0] > 0.45

    asyncio.run(test())


def test_a_store_that_is_away_holds_calls_and_is_not_asked_by_each() -> None:
    turns = AwayTurns()

    async def test() -> None:
        process = Process(RATED, turns)
        for _ in range(3):
            assert said(await process.call()) == (Outcome.HELD, "claims_unavailable")

    asyncio.run(test())
    assert turns.asked == 1


def test_a_call_of_a_tool_without_a_rate_asks_no_store() -> None:
    turns = AwayTurns()
    found = asyncio.run(Process(READS, turns).call())
    assert (found.outcome, turns.asked) == (Outcome.SUCCEEDED, 0)


def test_a_process_without_a_store_refuses() -> None:
    assert said(asyncio.run(Process(RATED, None).call())) == (Outcome.FAILED, "unavailable")


@pytest.mark.parametrize(
    ("bounds", "sentence"),
    [
        ({"max_per_minute_total": 0}, "greater than or equal to 1"),
        ({"max_per_minute_total": 1, "placement": Placement.LOCAL}, "say placement: pool"),
    ],
)
def test_a_rate_that_nobody_could_keep_is_refused(bounds: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        ToolContract.model_validate({**READS.model_dump(), **bounds})
