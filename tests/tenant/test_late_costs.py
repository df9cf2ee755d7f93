"""What a call cost whose result came after the end of its run is booked, exactly and once."""

from __future__ import annotations

from decimal import Decimal

from runfold.events import run as j
from runfold.events import tenant as t
from runfold.processors.tenant.evolve import AWAITED
from runfold.processors.tenant.state import BookKey
from tests.tenant.given import World, policy
from tests.tenant.judging import faults

DAY = {"of": "tenant", "period": "day", "limit": "1.00", "soft": "0.3"}
BOOK = BookKey("tenant", "", "usd", "day")


def cancelled(*budgets: dict[str, str]) -> World:
    """A run that was cancelled while its model was called."""
    world = World.opened(policy(budgets=budgets or (DAY,), run_amounts={"usd": "0.40"}))
    world.ask(1)
    world.cancel(1)
    return world


def used(world: World) -> Decimal:
    book = world.tenant().books.get(BOOK)
    return book.used if book else Decimal(0)


def test_a_late_cost_is_booked_once_and_to_the_last_digit() -> None:
    world = cancelled()
    assert world.last(1, j.RunSettled).open == (f"{world.ids[1]}.1/1",)
    assert used(world) == 0
    world.came_late(1, "0.310000000001")
    world.came_late(1, "0.310000000001")
    assert used(world) == Decimal("0.310000000001")
    booked = [fact for fact in world.facts() if isinstance(fact, t.LateCostBooked)]
    assert [(fact.call, fact.used[1].amount) for fact in booked] == [(f"{world.ids[1]}.1/1", 110)]
    assert any(isinstance(fact, t.BudgetAlerted) for fact in world.facts())
    assert world.tenant().settled == {}
    assert faults(world) == []


def test_lanes_that_die_book_it_once() -> None:
    world = cancelled()
    for lane in world.lanes:
        lane.fail_next_commit = True
    world.came_late(1, "0.2")
    for lane in world.lanes:
        lane.restart()
    world.settle()
    world.came_late(1, "0.2")
    assert used(world) == Decimal("0.2")
    assert faults(world) == []


def test_what_an_open_call_may_cost_stays_set_aside_until_it_is_known() -> None:
    world = World.opened(
        policy(
            budgets=({"of": "tenant", "period": "day", "limit": "0.70"},),
            run_amounts={"usd": "0.40"},
        )
    )
    world.ask(1)
    world.answered(1, "0.20")
    world.cancel(1)
    (held,) = world.last(1, j.RunSettled).held
    assert (held.call_id, held.amount) == (f"{world.ids[1]}.2", Decimal("0.20"))
    # 0.20 are used and 0.20 may be asked for still: 0.40 more would be beyond 0.70.
    world.ask(2)
    assert world.states()["queued"] == [2]
    world.came_late(1, "0.05", call=2)
    assert world.states()["running"] == [2]
    assert used(world) == Decimal("0.25")
    assert faults(world) == []


def test_an_open_call_that_fails_late_frees_what_was_set_aside() -> None:
    world = World.opened(
        policy(
            budgets=({"of": "tenant", "period": "day", "limit": "0.70"},),
            run_amounts={"usd": "0.40"},
        )
    )
    world.ask(1)
    world.answered(1, "0.20")
    world.cancel(1)
    world.ask(2)
    world.failed_late(1, call=2)
    assert world.states()["running"] == [2]
    assert used(world) == Decimal("0.20")
    assert faults(world) == []


def test_nobody_waits_for_a_call_for_more_than_a_day() -> None:
    world = World.opened(
        policy(
            budgets=({"of": "tenant", "period": "month", "limit": "0.70"},),
            run_amounts={"usd": "0.40"},
        )
    )
    world.ask(1)
    world.answered(1, "0.20")
    world.cancel(1)
    world.ask(2)
    assert world.states()["queued"] == [2]
    world.pass_time(AWAITED.total_seconds() + 61)
    assert world.states()["running"] == [2]
    assert faults(world) == []


def test_what_nobody_waits_for_is_booked_nowhere() -> None:
    world = cancelled()
    world.ask(2)
    world.finish(2, "0.1")
    # Its result was heard; a repeat is none.
    world.came_late(2, "0.1")
    assert used(world) == Decimal("0.1")
    world.came_late(1, "0.1", tenant="globex")
    assert used(world) == Decimal("0.1")
    world.pass_time(AWAITED.total_seconds() + 1)
    world.came_late(1, "0.2")
    assert used(world) == 0 or used(world) == Decimal("0.1")
    assert not any(isinstance(fact, t.LateCostBooked) for fact in world.facts())
    assert faults(world) == []


def test_without_a_policy_nobody_is_told() -> None:
    world = World.opened()
    world.ask(1)
    world.cancel(1)
    world.came_late(1, "0.2")
    assert world.facts() == []
    assert world.log.partition("tenants.requests", 0) == []
    assert world.log.partition("tenants.requests", 1) == []
