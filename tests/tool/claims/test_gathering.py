"""What is wanted while something is under way goes together, and each is told its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from runfold.processors.tool.claims.request_batcher import RequestBatcher


class AwayError(Exception):
    """Concerns whoever asks."""


class Store:
    """Answers when told to; ``groups`` are those that came."""

    def __init__(self) -> None:
        self.groups: list[tuple[str, list[int]]] = []
        self.open = asyncio.Event()
        self.errors: dict[int, Exception] = {}

    async def serve(self, kind: str, wants: Sequence[int]) -> list[str]:
        self.groups.append((kind, list(wants)))
        await self.open.wait()
        for want in wants:
            if want in self.errors:
                raise self.errors[want]
        return [f"{kind}{want}" for want in wants]


class Callers:
    """Calls that need something of a store that is closed at first."""

    def __init__(self, most: int = 100) -> None:
        self.store = Store()
        self.gathering = RequestBatcher(self.store.serve, AwayError, most)

    async def ask(self, kind: str, want: int) -> asyncio.Task[str]:
        task = asyncio.create_task(self.gathering.ask(kind, want))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return task

    async def told(self, *tasks: asyncio.Task[str]) -> list[str | BaseException]:
        self.store.open.set()
        return await asyncio.gather(*tasks, return_exceptions=True)


def test_the_first_goes_at_once_and_the_others_together() -> None:
    async def script() -> None:
        callers = Callers()
        tasks = [await callers.ask("a", want) for want in range(5)]
        assert callers.store.groups == [("a", [0])]
        assert await callers.told(*tasks) == ["a0", "a1", "a2", "a3", "a4"]
        assert callers.store.groups == [("a", [0]), ("a", [1, 2, 3, 4])]

    asyncio.run(script())


def test_what_comes_after_all_was_answered_goes_at_once() -> None:
    async def script() -> None:
        callers = Callers()
        assert await callers.told(await callers.ask("a", 1)) == ["a1"]
        assert await callers.gathering.ask("b", 2) == "b2"

    asyncio.run(script())


def test_a_group_is_of_one_kind_and_the_oldest_goes_first() -> None:
    async def script() -> None:
        callers = Callers()
        wants = [("a", 0), ("b", 1), ("a", 2), ("b", 3)]
        tasks = [await callers.ask(*want) for want in wants]
        assert await callers.told(*tasks) == ["a0", "b1", "a2", "b3"]
        assert callers.store.groups == [("a", [0]), ("b", [1, 3]), ("a", [2])]

    asyncio.run(script())


def test_a_group_has_its_bounds() -> None:
    async def script() -> None:
        callers = Callers(most=2)
        tasks = [await callers.ask("a", want) for want in range(4)]
        assert await callers.told(*tasks) == ["a0", "a1", "a2", "a3"]
        assert callers.store.groups == [("a", [0]), ("a", [1, 2]), ("a", [3])]

    asyncio.run(script())


def test_who_gave_up_before_its_group_went_is_left_out() -> None:
    # What it does about having given up may overtake its group: nothing may happen after that.
    async def script() -> None:
        callers = Callers()
        first, second, third = [await callers.ask("a", want) for want in range(3)]
        second.cancel()
        assert await callers.told(first, third) == ["a0", "a2"]
        assert callers.store.groups == [("a", [0]), ("a", [2])]

    asyncio.run(script())


def test_who_gives_up_under_way_takes_nothing_from_the_others() -> None:
    async def script() -> None:
        callers = Callers()
        tasks = [await callers.ask("a", want) for want in range(3)]
        tasks[0].cancel()
        assert isinstance((await callers.told(*tasks))[0], asyncio.CancelledError)
        assert [task.result() for task in tasks[1:]] == ["a1", "a2"]

    asyncio.run(script())


def test_an_error_that_concerns_all_is_told_to_all() -> None:
    async def script() -> None:
        callers = Callers()
        tasks = [await callers.ask("a", want) for want in range(4)]
        callers.store.errors[2] = away = AwayError()
        assert await callers.told(*tasks) == ["a0", away, away, away]
        assert callers.store.groups == [("a", [0]), ("a", [1, 2, 3])]

    asyncio.run(script())


def test_any_other_error_is_told_to_whose_fault_it_is() -> None:
    async def script() -> None:
        callers = Callers()
        tasks = [await callers.ask("a", want) for want in range(4)]
        callers.store.errors[2] = refused = ValueError()
        assert await callers.told(*tasks) == ["a0", "a1", refused, "a3"]

    asyncio.run(script())


def test_a_store_that_goes_away_is_not_asked_for_each_of_a_group() -> None:
    async def script() -> None:
        callers = Callers()
        tasks = [await callers.ask("a", want) for want in range(5)]
        away = AwayError()
        callers.store.errors = {1: ValueError(), 2: away}
        told = await callers.told(*tasks)
        assert told[2:] == [away, away, away]
        assert callers.store.groups[-1] == ("a", [2])

    asyncio.run(script())


def test_what_was_under_way_ends_with_the_loop_s_tasks() -> None:
    async def script() -> None:
        callers = Callers()
        task = await callers.ask("a", 1)
        assert callers.gathering._serving is not None
        callers.gathering._serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        callers.store.open.set()
        assert await callers.gathering.ask("a", 2) == "a2"

    asyncio.run(script())
