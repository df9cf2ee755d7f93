"""The queue of a subscription: each run in its order, nothing lost, nothing twice."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from runfold.processors.delivery.rows import Pending
from runfold.processors.delivery.webhooks.queue import Queue
from runfold.processors.delivery.webhooks.schedule import PAUSES_S, next_attempt

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def row(number: int, run: str, attempts: int = 0, due_at: datetime | None = None) -> Pending:
    return Pending(
        number, "acme", "hook", run, number, "acme", 0, number, "RunStarted", "planning", NOW,
        attempts=attempts, due_at=due_at,
    )  # fmt: skip


class Table:
    """What the queue leaves: open rows, by number."""

    def __init__(self) -> None:
        self.open: dict[int, Pending] = {}

    def above(self, number: int, most: int) -> list[Pending]:
        return [self.open[each] for each in sorted(self.open) if each > number][:most]

    def of_run(self, run: str, to: int, most: int) -> list[Pending]:
        found = [self.open[each] for each in sorted(self.open) if each <= to]
        return [each for each in found if each.run_id == run][:most]


@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 4), st.integers(1, 9))
def test_whatever_fails_each_run_arrives_in_order_and_whole(  # noqa: C901, PLR0915 - one loop of many moves
    seed: int, most: int, widest: int, lane: int
) -> None:
    rng, table, queue = random.Random(seed), Table(), Queue(widest, most, most_waiting=3)
    arrived: dict[str, list[int]] = defaultdict(list)
    flying: list[Pending] = []
    coming = [row(n, f"r{rng.randrange(5)}") for n in range(1, 60)]
    numbers = {each.number: each for each in coming}
    now = NOW

    def load_run(run: str, to: int | None) -> None:
        while to is not None:
            rows = table.of_run(run, to, lane)
            to = queue.run_loaded(run, rows, to, complete=len(rows) < lane)

    for _ in range(5000):
        if coming and rng.random() < 0.3:
            part = [coming.pop(0) for _ in range(min(len(coming), rng.randint(1, 5)))]
            table.open |= {each.number: each for each in part}
            # Somebody else added some of them: the owner is told later.
            if rng.random() < 0.2:
                queue.look_back(part[0].number - 1)
            else:
                queue.add(part)
        if wanted := queue.wants:
            after = queue.begin_loading()
            rows = table.above(after, wanted)
            # Something ends while they are being read.
            if flying and rng.random() < 0.5:
                load_run(*end(queue, table, arrived, flying.pop(0)))
            queue.fill(rows, complete=len(rows) < wanted)
        while (found := queue.next()) is not None:
            assert found.number not in {each.number for each in flying}
            assert found.run_id not in {each.run_id for each in flying}
            flying.append(found)
        assert len(flying) <= widest
        if flying:
            one = flying.pop(rng.randrange(len(flying)))
            if rng.random() < 0.3 and one.attempts < 4:
                due = now + timedelta(seconds=rng.randint(1, 5))
                table.open[one.number] = one._replace(attempts=one.attempts + 1, due_at=due)
                queue.failed(one, due)
            else:
                load_run(*end(queue, table, arrived, one))
        # A replay has tried now what waits; what does not wait is left alone.
        for one in rng.sample(list(table.open.values()), min(len(table.open), rng.randrange(2))):
            queue.hasten(one.run_id, one.number)
        now += timedelta(seconds=1)
        queue.wake(now)
        if not coming and queue.is_idle and not flying:
            break
    assert not table.open
    assert sorted(n for those in arrived.values() for n in those) == sorted(numbers)
    assert all(those == sorted(those) for those in arrived.values())


def end(
    queue: Queue, table: Table, arrived: dict[str, list[int]], one: Pending
) -> tuple[str, int | None]:
    arrived[one.run_id].append(one.number)
    del table.open[one.number]
    return one.run_id, queue.ended(one)


def test_a_receiver_that_fails_is_asked_less_and_less_and_more_again() -> None:
    queue = Queue(8)
    queue.add([row(n, f"r{n}") for n in range(1, 100)])
    first = [found for _ in range(20) if (found := queue.next()) is not None]
    assert len(first) == 8
    for each in first:
        queue.failed(each, NOW + timedelta(hours=1))
    assert queue.window == 1
    for _ in range(9):
        found = queue.next()
        assert found is not None
        assert queue.next() is None or queue.window > 1
        break
    queue.ended(found)
    assert queue.window == 2


def test_attempts_last_about_a_day() -> None:
    at, attempts = NOW, 0
    while (due := next_attempt(attempts + 1, at, 0.5)) is not None:
        at, attempts = due, attempts + 1
    assert attempts == len(PAUSES_S)
    assert timedelta(hours=23) < at - NOW < timedelta(hours=25)
    for chance in (0.0, 0.999):
        first = next_attempt(1, NOW, chance)
        assert first is not None
        assert timedelta(seconds=4) <= first - NOW <= timedelta(seconds=6)
    asked = next_attempt(1, NOW, 0.5, 120.0)
    assert asked == NOW + timedelta(seconds=120)
