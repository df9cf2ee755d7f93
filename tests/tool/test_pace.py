"""A contract's rate limit: turns evenly spaced, a far turn handed back to the run."""

from __future__ import annotations

import asyncio

import pytest

from runfold.events.definitions import ToolContract
from runfold.processors.tool.beginning.rate_limit import RateLimit
from runfold.processors.tool.errors import ToolRefusedError
from tests.deciders.given import tool

OFTEN = 60_000


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def turns(clock: Clock, contract: ToolContract, count: int, timeout_ms: int = OFTEN) -> RateLimit:
    pace = RateLimit(clock, clock.sleep)

    async def take() -> None:
        for _ in range(count):
            await pace.turn(contract, timeout_ms)

    asyncio.run(take())
    return pace


def test_turns_are_evenly_spaced() -> None:
    clock = Clock()
    turns(clock, tool("send", max_per_minute=30), 4)
    assert clock.slept == [2.0, 4.0, 6.0]


def test_time_that_passed_is_not_waited_for_again_nor_saved_up() -> None:
    clock = Clock()
    limited = tool("send", max_per_minute=30)
    pace = turns(clock, limited, 1)
    clock.now += 60
    asyncio.run(pace.turn(limited, OFTEN))
    asyncio.run(pace.turn(limited, OFTEN))
    assert clock.slept == [2.0]


def test_a_far_turn_is_handed_back_with_the_time_to_wait_and_not_taken() -> None:
    clock = Clock()
    limited = tool("send", max_per_minute=10)
    pace = turns(clock, limited, 2)
    for _ in range(2):
        with pytest.raises(ToolRefusedError) as refused:
            asyncio.run(pace.turn(limited, 20_000))
        assert refused.value.info.error_type == "rate_limited"
        assert refused.value.info.retryable
        assert refused.value.info.retry_after_ms == 12_000


def test_tools_have_turns_of_their_own_and_most_need_none() -> None:
    clock = Clock()
    pace = turns(clock, tool("send", max_per_minute=1), 1)
    asyncio.run(pace.turn(tool("other", max_per_minute=1), OFTEN))
    for _ in range(3):
        asyncio.run(pace.turn(tool("look"), OFTEN))
    assert clock.slept == []


def test_a_contract_without_a_rate_keeps_its_digest() -> None:
    assert "max_per_minute" not in tool("look").body()
    assert '"max_per_minute":5' in tool("look", max_per_minute=5).body()
