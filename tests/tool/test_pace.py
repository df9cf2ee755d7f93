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
    for _ in range(count):
        take(pace, contract, timeout_ms)
    return pace


def take(
    pace: RateLimit, contract: ToolContract, timeout_ms: int = OFTEN, *, used: bool = True
) -> None:
    """Take a turn, and use it or give it back."""

    async def taken() -> None:
        async with pace.turn(contract.name, contract, timeout_ms) as turn:
            if used:
                turn.used()

    asyncio.run(taken())


def test_turns_are_evenly_spaced() -> None:
    clock = Clock()
    turns(clock, tool("send", max_per_minute=30), 4)
    assert clock.slept == [2.0, 4.0, 6.0]


def test_time_that_passed_is_not_waited_for_again_nor_saved_up() -> None:
    clock = Clock()
    limited = tool("send", max_per_minute=30)
    pace = turns(clock, limited, 1)
    clock.now += 60
    take(pace, limited)
    take(pace, limited)
    assert clock.slept == [2.0]


def test_a_far_turn_is_handed_back_with_the_time_to_wait_and_not_taken() -> None:
    clock = Clock()
    limited = tool("send", max_per_minute=10)
    pace = turns(clock, limited, 2)
    for _ in range(2):
        with pytest.raises(ToolRefusedError) as refused:
            take(pace, limited, 20_000)
        assert refused.value.info.error_type == "rate_limited"
        assert refused.value.info.retryable
        assert refused.value.info.retry_after_ms == 12_000


def test_tools_have_turns_of_their_own_and_most_need_none() -> None:
    clock = Clock()
    pace = turns(clock, tool("send", max_per_minute=1), 1)
    take(pace, tool("other", max_per_minute=1))
    for _ in range(3):
        take(pace, tool("look"))
    assert clock.slept == []


def test_a_turn_that_is_not_used_is_the_next_ones() -> None:
    clock = Clock()
    limited = tool("send", max_per_minute=30)
    pace = turns(clock, limited, 1)
    take(pace, limited, used=False)
    take(pace, limited, used=False)
    take(pace, limited)
    take(pace, limited)
    assert clock.slept == [2.0, 2.0, 2.0, 4.0]


def test_a_turn_that_nobody_used_in_its_time_is_over() -> None:
    clock = Clock()
    limited = tool("send", max_per_minute=30)
    pace = turns(clock, limited, 0)
    take(pace, limited, used=False)
    clock.now += 60
    for _ in range(2):
        take(pace, limited)
    assert clock.slept == [2.0]


def test_a_contract_without_a_rate_keeps_its_digest() -> None:
    assert "max_per_minute" not in tool("look").body()
    assert '"max_per_minute":5' in tool("look", max_per_minute=5).body()
