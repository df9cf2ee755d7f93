"""A full queue gives up the run that counts least, and says when to ask again."""

from __future__ import annotations

from runfold.events import run as j
from tests.tenant.given import World, capped
from tests.tenant.judging import faults


def full(**more: int) -> World:
    world = World.opened(capped(1, queue_size=2, **more))
    world.ask(1)
    world.ask(2, priority=0)
    world.ask(3, priority=0)
    return world


def test_the_lowest_priority_that_came_last_makes_room_for_a_higher_one() -> None:
    world = full()
    world.ask(4, priority=1)
    assert world.states() == {"running": [1], "queued": [2, 4], "ended": [3]}
    error = world.last(3, j.RunFailed).error
    assert (error.error_type, error.retry_after_ms) == ("shed", 30_000)
    assert error.retryable
    assert world.last(4, j.RunQueued).position == 1
    assert faults(world) == []


def test_the_same_priority_makes_no_room() -> None:
    world = full(queue_retry_ms=5000)
    world.ask(4, priority=0)
    assert world.states()["queued"] == [2, 3]
    error = world.last(4, j.RunFailed).error
    assert (error.error_type, error.retry_after_ms) == ("queue_full", 5000)
    assert faults(world) == []


def test_a_priority_above_the_highest_counts_as_the_highest() -> None:
    world = World.opened(capped(1, queue_size=1, max_priority=0))
    world.ask(1)
    world.ask(2)
    world.ask(3, priority=9)
    assert world.states()["queued"] == [2]


def test_a_queue_without_places_refuses() -> None:
    world = World.opened(capped(1, queue_size=0))
    world.ask(1)
    world.ask(2, priority=3)
    assert world.last(2, j.RunFailed).error.error_type == "queue_full"


def test_one_that_waited_too_long_is_told_when_its_budget_turns() -> None:
    hour = {"of": "tenant", "period": "hour", "limit": "0.40"}
    world = World.opened(
        capped(9, budgets=(hour,), run_amounts={"usd": "0.40"}, queue_timeout_ms=60_000)
    )
    world.ask(1)
    world.ask(2)
    world.pass_time(60)
    error = world.last(2, j.RunFailed).error
    assert (error.error_type, error.retry_after_ms) == ("queue_timeout", 3_540_000)
