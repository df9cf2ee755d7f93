"""All runs of a tenant, watched: step by step where history and what comes are joined."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from runfold.events import topics
from runfold.events.run import Event
from runfold.producers.follow.hub import Hub
from runfold.producers.follow.watching import AsyncWatching
from runfold.producers.identity import uuid7
from runfold.producers.log.memory import MemoryLog
from runfold.producers.log.port import Delivery
from tests.follow.given import event, memory_log
from tests.support.stack import wait_until

START = dict.fromkeys(range(4), 0)
RUN = uuid7()
TENANT = event(RUN, 1).meta.tenant_id


class Stepped:
    """A log on which something happens just before its end is told, and before it is read."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self.before_ends: Callable[[], None] = lambda: None
        self.before_reading: Callable[[], None] = lambda: None

    def ends(self, topic: str) -> Mapping[int, int]:
        self.before_ends()
        return self._log.ends(topic)

    def read(self, topic: str, start: Any = "earliest", **how: Any) -> Iterator[Delivery]:
        if not how.get("follow"):
            self.before_reading()
        yield from self._log.read(topic, start, **how)


class Watched:
    """A journal with a run that grows, and the hub over it."""

    def __init__(self) -> None:
        self.log = memory_log()
        self.reader = Stepped(self.log)
        self.hub = Hub(self.reader, topics.EVENTS)  # type: ignore[arg-type]
        self.seq = 0

    def say(self) -> None:
        """Write the run's next event."""
        self.seq += 1
        self.log.append_event(event(RUN, self.seq), topics.EVENTS)

    def say_and_hand_out(self) -> None:
        """Write it, and have the tail hand it out before anything else happens."""
        self.say()
        wait_until(lambda: self.hub.tail.handed() == dict(self.log.ends(topics.EVENTS)))

    async def heard(self, watching: AsyncWatching, most: int) -> list[int]:
        """What a watcher takes until it has ``most`` events, and a while longer."""
        found: list[int] = []
        quiet = 0
        while quiet < 3:
            some = await watching.newest()
            for each in some:
                assert isinstance(each.record, Event)
                found.append(each.record.meta.seq)
                watching.taken(each)
            watching.settle()
            quiet = 0 if some or len(found) < most else quiet + 1
            await asyncio.sleep(0.02)
        return found


@pytest.fixture
def watched() -> Iterator[Watched]:
    found = Watched()
    yield found
    found.hub.close()


def watch(watched: Watched, after: Mapping[int, int] | None, most: int) -> list[int]:
    async def work() -> list[int]:
        async with watched.hub.async_watching(TENANT) as watching:
            await watching.begin(after, 1000)
            return await asyncio.wait_for(watched.heard(watching, most), 30)

    return asyncio.run(work())


def once(do: Callable[[], None]) -> Callable[[], None]:
    left = [do]

    def work() -> None:
        if left:
            left.pop()()

    return work


def test_what_the_tail_has_offered_and_history_has_too_comes_once(watched: Watched) -> None:
    watched.say()

    async def work() -> list[int]:
        async with watched.hub.async_watching(TENANT) as watching:
            await asyncio.wrap_future(watching._watch.positioned)
            watched.reader.before_ends = once(watched.say_and_hand_out)
            await watching.begin(START, 1000)
            return await asyncio.wait_for(watched.heard(watching, 2), 30)

    assert asyncio.run(work()) == [1, 2]


def test_what_comes_while_history_is_read_is_not_missed(watched: Watched) -> None:
    watched.say()
    watched.reader.before_reading = once(watched.say_and_hand_out)
    assert watch(watched, START, 2) == [1, 2]


@pytest.mark.parametrize("after", [START, None])
def test_what_is_handed_out_after_the_buffer_was_emptied_is_not_passed_over(
    watched: Watched, after: Mapping[int, int] | None
) -> None:
    async def work() -> list[int]:
        async with watched.hub.async_watching(TENANT) as watching:
            await watching.begin(after, 1000)
            drain = watching._watch.drain
            grow = once(watched.say_and_hand_out)

            def emptied() -> Any:
                found = drain()
                grow()
                return found

            watching._watch.drain = emptied  # type: ignore[method-assign]
            return await asyncio.wait_for(watched.heard(watching, 1), 30)

    assert asyncio.run(work()) == [1]


def test_whoever_comes_back_to_where_it_was_hears_the_rest(watched: Watched) -> None:
    for _ in range(5):
        watched.say()

    async def first() -> dict[int, int]:
        async with watched.hub.async_watching(TENANT) as watching:
            await watching.begin(START, 1000)
            for each in (await watching.newest())[:2]:
                watching.taken(each)
            return dict(watching.position)

    assert watch(watched, asyncio.run(first()), 3) == [3, 4, 5]
