"""Everybody who follows runs, behind one tail: joined to history without gap or double."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from runfold.events import topics
from runfold.events.errors import WireError
from runfold.events.run import Event
from runfold.producers.errors import FatalError, RefusedError, UnavailableError
from runfold.producers.follow.hub import Hub
from runfold.producers.identity import uuid7
from runfold.producers.log.memory import MemoryLog
from tests.follow.given import Watched, event, memory_log
from tests.support.stack import wait_until

EVENTS = 40


@pytest.fixture
def log() -> MemoryLog:
    return memory_log()


@pytest.fixture
def reader(log: MemoryLog) -> Watched:
    return Watched(log)


@pytest.fixture
def hub(reader: Watched) -> Iterator[Hub]:
    made = Hub(reader, topics.EVENTS)
    yield made
    made.close()


def say(log: MemoryLog, run_id: str, seq: int, *, last: bool = False) -> None:
    log.append_event(event(run_id, seq, last=last), topics.EVENTS)


def write(log: MemoryLog, runs: list[str], pace: float = 0.0) -> None:
    """Write every run to its end, all side by side."""
    for seq in range(1, EVENTS + 1):
        for run_id in runs:
            say(log, run_id, seq, last=seq == EVENTS)
        time.sleep(pace)


async def follow(hub: Hub, run_id: str, after: int = 0, limit: int = 1000) -> list[int]:
    async with hub.async_following(run_id, after, timeout=60, limit=limit) as following:
        return [each.meta.seq async for each in following]


def test_a_thousand_followers_are_one_reader_and_each_sees_every_event_once(
    log: MemoryLog, reader: Watched, hub: Hub
) -> None:
    runs = [uuid7() for _ in range(50)]
    rng = random.Random(1)
    writer = threading.Thread(target=write, args=(log, runs, 0.05))

    async def join_late(run_id: str, after: int) -> list[int]:
        await asyncio.sleep(rng.random() * 2.5)
        return await follow(hub, run_id, after)

    async def everybody() -> list[tuple[int, list[int]]]:
        joined = [
            (rng.choice(runs), rng.choice((0, 0, rng.randrange(EVENTS)))) for _ in range(1000)
        ]
        writer.start()
        seen = await asyncio.gather(*(join_late(*each) for each in joined))
        return [(after, found) for (_, after), found in zip(joined, seen, strict=True)]

    seen = asyncio.run(everybody())
    writer.join()
    for after, found in seen:
        assert found == list(range(after + 1, EVENTS + 1))
    # One that follows, and one that reads the history of all who asked meanwhile.
    assert (reader.most_followers, reader.most_readers) == (1, 2)
    # No thread a follower, and no read a follower.
    assert reader.reads < 200


def test_runs_that_ended_before_are_read_and_nothing_is_waited_for(
    log: MemoryLog, hub: Hub
) -> None:
    run_id = uuid7()
    write(log, [run_id])
    began = time.monotonic()
    for after in (0, 7, EVENTS - 1, EVENTS):
        with hub.following(run_id, after, timeout=30) as following:
            assert [each.meta.seq for each in following] == list(range(after + 1, EVENTS + 1))
            assert following.ended
    assert time.monotonic() - began < 25


def test_a_slow_follower_is_told_and_resumes_and_holds_nobody_up(log: MemoryLog, hub: Hub) -> None:
    run_id, seen = uuid7(), []
    with hub.following(run_id, timeout=60, limit=5) as slow, hub.following(run_id) as quick:
        assert slow.past() == quick.past() == []
        write(log, [run_id])
        # The quick one has all of it while the slow one has not looked once.
        assert [each.meta.seq for each in quick.coming()] == list(range(1, EVENTS + 1))
        assert quick.behind == 0
        seen = [each.meta.seq for each in slow.coming()]
        assert slow.behind == 1
    assert seen == list(range(1, EVENTS + 1))


def test_what_a_follower_holds_is_bounded(log: MemoryLog, hub: Hub) -> None:
    run_id, woken = uuid7(), threading.Event()
    subscription = hub.tail.subscribe(run_id, woken.set, 5)
    subscription.positioned.result(20)
    for seq in range(1, 4):
        say(log, run_id, seq)
    wait_until(lambda: len(subscription._held) == 3)
    assert [item.meta.seq for item in subscription.drain() or ()] == [1, 2, 3]  # type: ignore[union-attr]
    for seq in range(4, 12):
        say(log, run_id, seq)
    wait_until(lambda: subscription._overrun)
    assert not subscription._held
    assert subscription.drain() is None
    say(log, run_id, 12)
    wait_until(lambda: bool(subscription._held))
    assert [item.meta.seq for item in subscription.drain() or ()] == [12]  # type: ignore[union-attr]


def test_the_tail_goes_on_after_the_log_was_away(log: MemoryLog, reader: Watched, hub: Hub) -> None:
    run_id, seen = uuid7(), []
    with hub.following(run_id, timeout=60) as following:
        events = iter(following)
        for seq in (1, 2):
            say(log, run_id, seq)
            seen.append(next(events).meta.seq)
        for seq in (3, 4, 5):
            reader.away = UnavailableError("away")
            wait_until(lambda: reader.followers == 0)
            say(log, run_id, seq, last=seq == 5)
            reader.away = None
            seen.append(next(events).meta.seq)
        assert list(events) == []
    assert seen == [1, 2, 3, 4, 5]


def test_a_log_that_is_away_at_the_beginning_is_told_at_once(reader: Watched, hub: Hub) -> None:
    reader.away = UnavailableError("Kafka is away.")
    with hub.following(uuid7(), timeout=60) as following, pytest.raises(UnavailableError):
        next(iter(following))
    reader.away = None
    with hub.following(uuid7(), timeout=0.3) as following:
        assert list(following) == []


def test_a_log_that_refuses_for_good_ends_every_follower(reader: Watched) -> None:
    hub = Hub(reader, topics.EVENTS, patience_s=0.0)
    with hub.following(uuid7(), timeout=60) as one, hub.following(uuid7(), timeout=60) as other:
        assert one.past() == other.past() == []
        reader.away = RefusedError("no longer allowed")
        for each in (one, other):
            with pytest.raises(RefusedError, match="no longer allowed"):
                next(each.coming())
    hub.close()


def test_a_broker_that_knows_its_topics_again_after_a_moment_ends_nobody(
    log: MemoryLog, reader: Watched, hub: Hub
) -> None:
    run_id = uuid7()
    with hub.following(run_id, timeout=60) as following:
        assert following.past() == []
        reader.away = RefusedError("There is no such topic.")
        wait_until(lambda: reader.followers == 0)
        say(log, run_id, 1, last=True)
        back = threading.Timer(1, lambda: setattr(reader, "away", None))
        back.start()
        with hub.following(run_id, timeout=60) as joining:
            assert [each.meta.seq for each in joining] == [1]
        assert [each.meta.seq for each in following.coming()] == [1]
        back.join()


def test_a_hub_that_is_closed_tells_its_followers(hub: Hub) -> None:
    with hub.following(uuid7(), timeout=60) as following:
        assert following.past() == []
        hub.close()
        with pytest.raises(FatalError, match="closed"):
            next(following.coming())
    with pytest.raises(FatalError, match="closed"), hub.following(uuid7()):
        pass


def test_a_record_that_cannot_be_read_is_told_to_its_run_only(log: MemoryLog, hub: Hub) -> None:
    sound, broken = uuid7(), uuid7()
    with hub.following(sound, timeout=60) as one, hub.following(broken, timeout=60) as other:
        assert one.past() == other.past() == []
        log.append(topics.EVENTS, b"rubbish", broken.encode())
        say(log, sound, 1, last=True)
        assert [each.meta.seq for each in one.coming()] == [1]
        with pytest.raises(WireError):
            next(other.coming())
    with hub.following(broken, timeout=60) as again, pytest.raises(WireError):
        again.past()


def test_the_tail_stops_when_nobody_follows_and_starts_anew(
    log: MemoryLog, reader: Watched
) -> None:
    hub = Hub(reader, topics.EVENTS)
    hub.tail._idle_s = 0.0
    for seq in (1, 2):
        run_id = uuid7()
        with hub.following(run_id, timeout=60) as following:
            assert following.past() == []
            say(log, run_id, seq)
            # A run of which the tail sees only a later event: what is before is looked for.
            assert next(following.coming()).meta.seq == seq
        wait_until(lambda: reader.followers == 0)
    hub.close()


def test_a_gap_is_closed_from_history(
    log: MemoryLog, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, read = uuid7(), hub.history.read
    say(log, run_id, 1)
    say(log, run_id, 2)

    def behind(asked: str) -> Future[list[Event]]:
        monkeypatch.setattr(hub.history, "read", read)
        found: Future[list[Event]] = Future()
        found.set_result([event(asked, 1)])
        return found

    monkeypatch.setattr(hub.history, "read", behind)
    with hub.following(run_id, timeout=60) as following:
        assert [each.meta.seq for each in following.past()] == [1]
        say(log, run_id, 3, last=True)
        assert [each.meta.seq for each in following.coming()] == [2, 3]


def test_a_follower_that_joins_while_the_log_is_away_waits_for_it(
    log: MemoryLog, reader: Watched, hub: Hub
) -> None:
    run_id = uuid7()
    with hub.following(uuid7(), timeout=60) as other:
        assert other.past() == []
        say(log, run_id, 1, last=True)
        reader.away = UnavailableError("away")
        back = threading.Timer(1, lambda: setattr(reader, "away", None))
        back.start()
        with hub.following(run_id, timeout=60) as following:
            assert [each.meta.seq for each in following] == [1]
        assert asyncio.run(follow(hub, run_id)) == [1]
        back.join()


def test_time_is_up_quietly(log: MemoryLog, hub: Hub) -> None:
    run_id = uuid7()
    say(log, run_id, 1)
    with hub.following(run_id, timeout=0.3) as following:
        assert [each.meta.seq for each in following] == [1]
        assert following.caught_up
    assert asyncio.run(_timed(hub, run_id)) == [1]


async def _timed(hub: Hub, run_id: str) -> list[int]:
    async with hub.async_following(run_id, timeout=0.3) as following:
        return [each.meta.seq async for each in following]


def test_a_follower_that_is_cancelled_leaves_the_others_alone(log: MemoryLog, hub: Hub) -> None:
    run_id = uuid7()

    async def some_leave() -> list[list[int]]:
        stay = [asyncio.create_task(follow(hub, run_id)) for _ in range(5)]
        leave = [asyncio.create_task(follow(hub, run_id)) for _ in range(5)]
        await asyncio.sleep(0)
        for each in leave:
            each.cancel()
        await asyncio.to_thread(write, log, [run_id])
        await asyncio.wait(leave)
        return await asyncio.gather(*stay)

    assert asyncio.run(some_leave()) == [list(range(1, EVENTS + 1))] * 5
