"""A tool that ends its process costs its own call, and what came of it is on record."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from runfold.events.calls import Outcome, ToolResult
from runfold.processors.tool.claims.port import ClaimState
from runfold.processors.tool.dying.deaths import Deaths
from runfold.processors.tool.python.tools import contract_of
from tests.hard.tools import hostile
from tests.hard.tools.nest import MODULE, Nest, children_of, fault, lives, value, with_cap

DEATHS = [
    ("exit", "with exit code 9"),
    ("abort", "by SIGABRT"),
    ("segfault", "by SIGSEGV"),
    ("kill", "by SIGKILL"),
    ("closed", "with exit code 0"),
    ("rubbish", "by Runfold"),
    ("nursery", "with the process that held its module"),
]


@pytest.mark.parametrize(("how", "words"), DEATHS)
@pytest.mark.parametrize("name", ["ends", "ends_async"])
def test_a_death_costs_one_call_and_says_how(name: str, how: str, words: str, nest: Nest) -> None:
    async def story() -> tuple[list[ToolResult], ToolResult, ToolResult]:
        others = [asyncio.create_task(nest.call("naps", seconds=0.3)) for _ in range(4)]
        await asyncio.sleep(0.05)
        deadly = await nest.call(name, how=how)
        return await asyncio.gather(*others), deadly, await nest.call("works")

    others, deadly, next_one = nest.run(story)
    outcome, kind, message = fault(deadly)
    assert (outcome, kind) == ("failed", "process_died")
    assert words in message
    assert deadly.error is not None
    assert deadly.error.retryable
    assert value(next_one) == "done"
    if how != "nursery":
        assert len({value(other) for other in others}) == 4
    else:
        # With the nursery go its workers; they may be called again, and nothing else is lost.
        assert {fault(other)[:2] for other in others} == {("failed", "process_died")}


def test_a_death_of_what_may_not_be_repeated_is_a_doubt() -> None:
    with Nest() as nest:
        once = nest.one("ends_outside", how="exit")
        again = nest.one("ends_again", how="exit")
    assert fault(once)[:2] == ("uncertain", "process_died")
    assert fault(again)[:2] == ("failed", "process_died")
    assert (again.effect, again.error is not None and again.error.retryable) == (True, True)
    states = [claim.state for claim in nest.claims.claims.values()]
    assert states == [ClaimState.UNCERTAIN, ClaimState.RELEASED]


def test_after_three_deaths_a_call_fails_for_good(tmp_path: Path) -> None:
    with Nest(deaths=tmp_path) as nest:

        async def story() -> list[ToolResult]:
            return [await nest.call_of("run.1", "ends", n, how="kill") for n in range(1, 5)]

        errors = [result.error for result in nest.run(story) if result.error is not None]
    assert [error.retryable for error in errors] == [True, True, False, False]
    assert "It was process 3 of 3" in errors[2].message
    # Whoever is asked again makes no process of it.
    assert "3 times" in errors[3].message


def test_pools_count_the_deaths_of_a_call_together(tmp_path: Path) -> None:
    with Nest(deaths=tmp_path) as one, Nest(deaths=tmp_path) as other:
        errors = [
            nest.run(lambda n=n, nest=nest: nest.call_of("run.1", "ends", n, how="kill")).error
            for n, nest in enumerate((one, other, one, other), 1)
        ]
    assert [error.retryable for error in errors if error is not None] == [True, True, False, False]


def test_a_call_that_went_well_or_was_given_up_is_counted_right(tmp_path: Path) -> None:
    with Nest(deaths=tmp_path) as nest:

        async def given_up() -> None:
            call = asyncio.create_task(nest.call_of("run.1", "naps", 2, seconds=60.0))
            await asyncio.sleep(0.3)
            call.cancel()
            await asyncio.wait([call])

        async def story() -> None:
            for call in ("run.1", "run.2"):
                await nest.call_of(call, "ends", 1, how="exit")
            await given_up()
            await nest.call_of("run.2", "works", 2)

        nest.run(story)
    with Deaths(tmp_path) as deaths:
        assert (deaths.of("run.1"), deaths.of("run.2")) == (1, 0)


def test_those_beside_a_call_that_ends_the_nursery_are_not_counted(tmp_path: Path) -> None:
    with Nest(deaths=tmp_path) as nest:

        async def story() -> list[ToolResult]:
            others = [nest.call_of(f"run.{n}", "naps", 1, seconds=30.0) for n in range(3)]
            waiting = [asyncio.create_task(other) for other in others]
            await asyncio.sleep(1.0)
            await nest.call_of("run.9", "ends", 1, how="nursery")
            return await asyncio.gather(*waiting)

        others = nest.run(story)
    assert {fault(other)[:2] for other in others} == {("failed", "process_died")}
    with Deaths(tmp_path) as deaths:
        assert deaths.of("run.0", "run.1", "run.2") == 0


@pytest.mark.parametrize("how", ["before", "after", "ends"])
def test_a_tool_that_can_tell_is_asked_in_another_process(how: str, tmp_path: Path) -> None:
    contract = contract_of(hostile.acts).model_copy(update={"config": {"folder": str(tmp_path)}})
    if how == "ends":
        tmp_path.joinpath("reconciler-ends").touch()
    with Nest(contract) as nest:
        result = nest.one("acts", how=how)
    match how:
        case "after":
            assert (result.outcome, value(result)) == (
                Outcome.SUCCEEDED,
                {"reconciled": "happened"},
            )
        case "before":
            assert fault(result)[:2] == ("failed", "process_died")
            assert result.error is not None
            assert result.error.retryable
        case _:
            # A reconciler that ends its process as well knows nothing.
            assert fault(result)[:2] == ("uncertain", "process_died")


def test_memory_is_bounded_for_each_call() -> None:
    with Nest(settings=with_cap(128)) as nest:
        greedy = nest.one("takes", megabytes=4096)
        modest = nest.one("takes", megabytes=16)
    assert fault(greedy)[0] == "failed"
    assert "MemoryError" in fault(greedy)[2]
    assert value(modest) == 16 * 1024 * 1024


def test_a_call_that_overran_is_ended_before_that_is_said(nest: Nest, tmp_path: Path) -> None:
    late = nest.one("hangs", 200, seconds=1.0, folder=str(tmp_path))
    nest.one("naps", seconds=1.2)
    assert fault(late)[:2] == ("failed", "timeout")
    assert list(tmp_path.iterdir()) == []


def test_calls_that_are_given_up_while_they_wait_for_a_process_mix_nothing_up() -> None:
    before = children_of(os.getpid())
    with Nest() as nest:

        async def given_up(after: float) -> None:
            call = asyncio.create_task(nest.call("naps", seconds=0.5))
            await asyncio.sleep(after)
            call.cancel()
            await asyncio.wait([call])

        async def story() -> tuple[ToolResult, list[ToolResult]]:
            # First while the module is imported, then while workers are forked.
            await given_up(0.05)
            await nest.call("works")
            await asyncio.gather(*(given_up(number / 2000) for number in range(40)))
            others = [asyncio.create_task(nest.call("naps", seconds=0.8)) for _ in range(8)]
            stuck = await nest.call("holds", 200, seconds=30.0)
            return stuck, await asyncio.gather(*others)

        stuck, others = nest.run(story)
        assert fault(stuck)[:2] == ("failed", "timeout")
        assert len({value(other) for other in others}) == 8
    assert children_of(os.getpid()) <= before


def test_a_fork_that_nobody_waits_for_any_more_is_not_taken_for_the_next() -> None:
    with Nest() as nest:

        async def story() -> tuple[int, ToolResult]:
            await nest.call("works")
            module = nest.children._modules[MODULE]
            while not module._idle:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.01)
            await module._idle.popleft().end()
            given_up = asyncio.create_task(module._forked())
            # Once its question is on the way, and before the answer.
            await asyncio.sleep(0)
            given_up.cancel()
            await asyncio.wait([given_up])
            worker = await module._forked()
            module._offer(worker)
            return worker.pid, await nest.call("family")

        pid, result = nest.run(story)
    assert value(result)[0] == pid


def test_nothing_is_left_when_the_children_are_closed() -> None:
    with Nest() as nest:

        async def story() -> list[int]:
            calls = (nest.call("naps", seconds=0.1) for _ in range(3))
            pids = [value(result) for result in await asyncio.gather(*calls)]
            return [*pids, *value(await nest.call("family"))]

        pids = nest.run(story)
    assert [pid for pid in set(pids) if lives(pid)] == []
