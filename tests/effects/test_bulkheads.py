"""One slow tool leaves room for the others: in flight, in the queue, and in a pool's backlog."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from runfold.events.calls import Outcome, ToolResult, ToolWork
from runfold.infra.metrics.table import TABLE
from runfold.processors.effects.bounds import Bounds
from runfold.processors.effects.kinds import Served
from runfold.processors.effects.local import LocalEffects
from runfold.processors.effects.pace import Pace
from runfold.processors.effects.queue import Call, CallQueue
from runfold.processors.effects.turns import Turns
from runfold.processors.tool.kind import TOOL_CALL
from tests.effects.given import Inbox, settled, succeeded, tool_work


def test_tenants_take_turns_and_so_do_the_runs_of_each() -> None:
    turns = Turns[str]()
    for run, name in [("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1")]:
        turns.put("large", run, name)
    turns.put("small", "c", "c1")
    turns.put("small", "c", "c2")
    assert turns.first() == "a1"
    order = []
    while turns:
        order.append(turns.take())
        if order == ["a1"]:
            # Who comes later waits for those who wait already, not for all that they have.
            turns.put("late", "d", "d1")
    assert order == ["a1", "c1", "b1", "d1", "c2", "a2", "a3"]


def test_what_is_put_first_is_next_whoever_waits() -> None:
    turns = Turns[str]()
    for tenant, run in [("a", "r"), ("b", "s"), ("b", "t")]:
        turns.put(tenant, run, f"{tenant}{run}")
    turns.put_first("b", "t", "now")
    turns.put_first("c", "u", "at once")
    assert [turns.take() for _ in range(len(turns))] == ["at once", "now", "ar", "bs", "bt"]


class Calls:
    """A queue whose calls end when they are told to."""

    def __init__(self, limit: int, share: float = 0.75) -> None:
        self.queue = CallQueue(limit, share)
        self.begun: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}

    async def put(self, key: str, count: int, cap: int | None = None, run: str = "r") -> None:
        for number in range(count):
            name = f"{key}{number}" if run == "r" else f"{key}{run}{number}"
            self.queue.put(Call(key, partial(self._run, name), cap, run_id=run))
        await asyncio.sleep(0)

    async def end(self, name: str) -> None:
        self._ends[name].set()
        for _turn in range(4):
            await asyncio.sleep(0)

    async def _run(self, name: str) -> None:
        self.begun.append(name)
        self._ends[name] = asyncio.Event()
        await self._ends[name].wait()


def in_loop(test: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        asyncio.run(test())  # type: ignore[arg-type]

    run.__name__ = test.__name__
    return run


@in_loop
async def test_calls_of_one_key_leave_places_to_the_others() -> None:
    calls = Calls(4)
    await calls.put("slow", 10)
    assert calls.begun == ["slow0", "slow1", "slow2"]
    await calls.put("quick", 2)
    assert calls.begun[3:] == ["quick0"]
    await calls.end("quick0")
    assert calls.begun[4:] == ["quick1"]
    assert (calls.queue.of_key("slow"), calls.queue.queued()) == ((7, 3), 7)
    await calls.queue.cancel()


@in_loop
async def test_a_single_place_may_be_taken_by_any_key() -> None:
    calls = Calls(1, 0.1)
    await calls.put("a", 1)
    assert calls.begun == ["a0"]
    await calls.queue.cancel()


@in_loop
async def test_runs_take_turns_within_a_key() -> None:
    calls = Calls(4)
    await calls.put("t", 3, cap=1, run="many")
    await calls.put("t", 1, cap=1, run="one")
    await calls.end("tmany0")
    await calls.end(calls.begun[-1])
    await calls.end(calls.begun[-1])
    assert calls.begun == ["tmany0", "tmany1", "tone0", "tmany2"]
    await calls.queue.cancel()


@in_loop
async def test_three_hundred_calls_of_a_capped_tool_hold_up_no_call_of_another() -> None:
    calls = Calls(64)
    await calls.put("capped", 300, cap=2)
    await calls.put("reader", 5)
    assert calls.begun == ["capped0", "capped1", *(f"reader{n}" for n in range(5))]
    await calls.queue.cancel()


def test_those_who_are_sent_away_come_back_one_after_the_other() -> None:
    pace = Pace()
    pace.took(4.0)
    # Ten wait, and two are made at once: two seconds each.
    assert [pace.room_in_s(10, 2, now=100.0) for _ in range(3)] == [22.0, 24.0, 26.0]
    assert pace.room_in_s(10, 2, now=110.0) == 22.0
    # Nobody is sent away for more than a minute, or less than a second.
    assert [pace.room_in_s(1000, 2, now=200.0) for _ in range(2)] == [60.0, 60.0]
    assert Pace().room_in_s(0, 100, now=5.0) == 1.0


def test_a_pace_follows_what_calls_take_now() -> None:
    pace = Pace()
    pace.took(10.0)
    for _ in range(30):
        pace.took(1.0)
    assert pace.room_in_s(10, 1, now=0.0) < 12


def shown(name: str, key: str) -> float | None:
    return TABLE.registry.get_sample_value(name, {"kind": "tool", "name": key})


def test_a_pool_holds_what_one_tool_has_beyond_its_share_of_the_backlog() -> None:
    may_end = asyncio.Event()

    async def slow(work: ToolWork) -> ToolResult:
        if work.tool == "full":
            await may_end.wait()
        return succeeded(work)

    inbox, old = Inbox(), tool_work("old.1", tool="full")
    effects = LocalEffects(Served(TOOL_CALL, slow, cap=lambda _: 1), bounds=Bounds(queued=2))
    asking = [tool_work(f"r.{n}", tool="full", by_permission=True) for n in range(5)]
    effects.submit_many([*asking, old], inbox.deliver)
    effects.submit(tool_work("other.1", tool="other", by_permission=True), inbox.deliver)
    settled(effects)
    first, second, other = (each for each in inbox.wait(3) if isinstance(each, ToolResult))
    for held, before_it in ((first, asking[3]), (second, asking[4])):
        assert held.error is not None
        assert (held.call_id, held.outcome) == (before_it.call_id, Outcome.HELD)
        assert held.error.error_type == "no_room"
    assert first.error is not None
    assert second.error is not None
    assert 1000 <= (first.error.retry_after_ms or 0) < (second.error.retry_after_ms or 0) <= 60_000
    assert (other.call_id, other.outcome) == ("other.1", Outcome.SUCCEEDED)
    # Work of runs that know nothing of held calls waits, as it did.
    assert shown("runfold_effects_key_queued", "full@1") == 3
    assert shown("runfold_effects_key_in_flight", "full@1") == 1
    effects.ping(may_end.set)
    assert {each.call_id for each in inbox.wait(7)[3:]} == {  # type: ignore[attr-defined]
        "r.0", "r.1", "r.2", "old.1"
    }  # fmt: skip
    effects.close()
