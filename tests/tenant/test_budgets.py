"""Budgets: money is set aside before a run begins, and settled when it ends."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from runfold.events import run as j
from runfold.events.tenant import AdmissionRefused, AdmissionReturned, BudgetAlerted
from runfold.events.values import Limits
from runfold.processors.tenant.state import BookKey
from tests.spec import START
from tests.tenant.given import World, policy

DAY = {"of": "tenant", "period": "day", "limit": "1.00"}
BOOK = BookKey("tenant", "", "usd", "day")


def budgeted(*budgets: dict[str, Any], **more: Any) -> World:
    amounts = {"usd": "0.40", "tokens": 1000, "tool_calls": 5}
    return World.opened(policy(budgets=budgets, run_amounts=amounts, **more))


def used(world: World, key: BookKey = BOOK) -> Decimal:
    book = world.tenant().books.get(key)
    return book.used if book else Decimal(0)


def test_what_is_set_aside_is_the_limit_of_the_run() -> None:
    world = budgeted(DAY)
    world.ask(1)
    world.ask(2, limits=Limits(max_cost=Decimal("0.25")))
    limits = [lane.partition_state.live for lane in world.runs]
    found = {key: live.state.limits.max_cost for lane in limits for key, live in lane.items()}  # type: ignore[union-attr]
    assert sorted(found.values()) == [Decimal("0.25"), Decimal("0.40")]  # type: ignore[type-var]
    reserved = [each.reserved[0].amount for each in world.tenant().running.values()]
    assert reserved == [Decimal("0.40"), Decimal("0.25")]


def test_a_run_that_the_budget_has_no_room_for_waits_until_another_settles() -> None:
    world = budgeted(DAY)
    for number in (1, 2, 3):
        world.ask(number)
    assert world.states() == {"running": [1, 2], "queued": [3], "ended": []}
    world.finish(1, "0.10")
    assert used(world) == Decimal("0.10")
    assert world.states() == {"running": [2, 3], "queued": [], "ended": [1]}


def test_a_spent_budget_holds_runs_until_the_period_turns() -> None:
    world = budgeted({**DAY, "limit": "0.40"})
    world.ask(1)
    world.finish(1, "0.3000000001")
    world.ask(2)
    assert world.states()["queued"] == [2]
    queued = [event.fact for event in world.events(2) if isinstance(event.fact, j.RunQueued)]
    assert "budget_spent" in queued[-1].reason
    assert '"left":"0.0999999999"' in queued[-1].reason
    midnight = (START + timedelta(days=1)).replace(hour=0)
    world.pass_time((midnight - START).total_seconds() - 1)
    assert world.states()["queued"] == [2]
    world.pass_time(61)
    assert world.states()["running"] == [2]


def test_a_budget_may_refuse_in_place_of_the_queue() -> None:
    world = budgeted({**DAY, "limit": "0.50", "when_spent": "refuse"})
    world.ask(1)
    world.ask(2)
    end = world.events(2)[-1].fact
    assert isinstance(end, j.RunFailed)
    assert end.error.error_type == "budget_spent"
    assert end.exit.exit_code == 2


def test_a_run_that_needs_more_than_the_whole_budget_is_refused_at_once() -> None:
    world = budgeted(DAY)
    world.ask(1, limits=Limits(max_cost=Decimal("1.01")))
    end = world.events(1)[-1].fact
    assert isinstance(end, j.RunFailed)
    assert end.error.error_type == "above_budget"


def test_a_run_waiting_for_money_is_not_overtaken_by_cheaper_ones() -> None:
    world = budgeted(DAY)
    world.ask(1)
    world.ask(2, limits=Limits(max_cost=Decimal("0.90")))
    world.ask(3, limits=Limits(max_cost=Decimal("0.10")))
    assert world.states() == {"running": [1], "queued": [2, 3], "ended": []}
    world.finish(1, "0.05")
    assert world.states()["running"] == [2]


@pytest.mark.parametrize(
    ("of", "names"), [("user", ("user_id", "ann", "bob")), ("feature", ("feature", "a", "b"))]
)
def test_each_of_a_scope_has_a_book_of_its_own(of: str, names: tuple[str, str, str]) -> None:
    field, one, other = names
    world = budgeted({"of": of, "period": "hour", "limit": "0.40"})
    world.ask(1, **{field: one})
    world.ask(2, **{field: one})
    world.ask(3, **{field: other})
    assert world.states() == {"running": [1, 3], "queued": [2], "ended": []}
    world.finish(3, "0.02")
    assert used(world, BookKey(of, other, "usd", "hour")) == Decimal("0.02")


def test_a_soft_limit_is_on_record_once_a_period() -> None:
    world = budgeted({**DAY, "soft": "0.50"})
    world.ask(1)
    assert not any(isinstance(fact, BudgetAlerted) for fact in world.facts())
    world.ask(2)
    world.finish(2, "0.39")
    alerts = [fact for fact in world.facts() if isinstance(fact, BudgetAlerted)]
    assert [(alert.committed, alert.soft) for alert in alerts] == [
        (Decimal("0.80"), Decimal("0.50"))
    ]


def test_runs_tokens_and_tool_calls_have_budgets_too() -> None:
    world = budgeted(
        {"of": "tenant", "unit": "runs", "period": "month", "limit": "2"},
        {"of": "tenant", "unit": "tokens", "period": "month", "limit": "1500"},
    )
    world.ask(1)
    world.ask(2)
    assert world.states()["queued"] == [2]
    world.finish(1)
    assert used(world, BookKey("tenant", "", "tokens", "month")) == 110
    assert world.states()["running"] == [2]
    world.finish(2)
    world.ask(3)
    assert world.states()["queued"] == [3]


def test_a_run_that_never_began_costs_nothing() -> None:
    world = budgeted(DAY, {"of": "tenant", "unit": "runs", "period": "day", "limit": "1"})
    world.ask(1)
    world.ask(2)
    world.cancel(2)
    returned = [fact for fact in world.facts() if isinstance(fact, AdmissionReturned)]
    assert [fact.admitted for fact in returned] == [False]
    assert returned[0].books == ()


def test_all_of_it_is_settled_to_the_last_digit() -> None:
    world = budgeted({**DAY, "limit": "0.40"})
    world.ask(1)
    world.finish(1, "0.123456789012")
    assert used(world) == Decimal("0.123456789012")
    (told,) = [event.fact for event in world.events(1) if isinstance(event.fact, j.RunSettled)]
    assert told.spent == Decimal("0.123456789012")


def test_a_run_ends_before_a_call_for_which_not_enough_is_set_aside() -> None:
    world = budgeted({**DAY, "limit": "0.40"})
    world.ask(1)
    world.answered(1, "0.30")
    assert world.names(1)[-3:] == ["LimitReached", "RunSettled", "RunFailed"]
    assert used(world) == Decimal("0.30")


def test_a_run_that_a_new_policy_never_lets_in_is_refused() -> None:
    world = budgeted({**DAY, "limit": "3"})
    world.ask(1, limits=Limits(max_cost=Decimal(2)))
    world.ask(2, limits=Limits(max_cost=Decimal(2)))
    world.source.publish(policy("2.0", budgets=(DAY,), run_amounts={"usd": "0.40"}))
    world.pass_time(5)
    end = world.events(2)[-1].fact
    assert isinstance(end, j.RunFailed)
    assert end.error.error_type == "above_budget"


def test_a_run_that_a_cap_held_is_refused_once_a_budget_that_lets_nobody_wait_is_spent() -> None:
    budget = {"of": "tenant", "period": "month", "limit": "0.12", "when_spent": "refuse"}
    world = World.opened(
        policy(
            caps=({"of": "tenant", "running": 1},),
            budgets=(budget,),
            run_amounts={"usd": "0.06"},
        )
    )
    for number in (1, 2):
        world.ask(number)
    assert world.states()["queued"] == [2]
    world.finish(1, "0.07")
    # 0.05 is left, and 0.06 is needed: no run that waits would be let in before the next month.
    assert world.states()["queued"] == [2]
    world.pass_time(60)
    assert world.states()["queued"] == []
    refused = [fact for fact in world.facts() if isinstance(fact, AdmissionRefused)]
    assert [fact.code for fact in refused] == ["budget_spent"]
