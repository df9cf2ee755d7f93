"""Money for a call that nobody waits for stays set aside until it is known what it cost."""

from __future__ import annotations

from decimal import Decimal

from runfold.events import run as j
from runfold.events.calls import ModelResult, Outcome
from runfold.events.definitions import ModelChoice
from runfold.events.records import commands
from runfold.events.tenant import Held
from runfold.events.values import Limits, Placement
from runfold.processors.run.agent.calls.at_stake import at_stake
from tests.deciders.given import (
    RUN,
    answer,
    begins,
    begun,
    call,
    came_back,
    control,
    model_error,
)
from tests.spec import Story

ANSWER = Decimal("0.01")


def withdrawn(limit: str) -> Story:
    """A run with one answer paid for, whose second model call was out when it was taken over."""
    run = begun(limits=Limits(max_cost=Decimal(limit), max_model_calls=9))
    run = run.when(answer(call("look")), came_back(2))
    assert run.run.loop.model_call is not None
    return run.when(control(commands.TakeOverRun, "take", actor_id="ann"))


def back(run: Story) -> Story:
    return run.when(control(commands.HandBackRun, "back", actor_id="ann"))


def late() -> ModelResult:
    return answer(call("look"), n=3)


def test_a_run_does_not_spend_what_its_withdrawn_call_may_still_cost() -> None:
    run = withdrawn("0.02")
    assert "BudgetSettled" not in run.names()
    assert run.run.budget.reserved == ANSWER
    assert at_stake(run.run) == (Held(call_id=f"{RUN}.3", amount=ANSWER),)
    run = back(run)
    # 0.01 is spent and 0.01 may be asked for: there is no room for a third answer.
    assert run.only(j.LimitReached).limit == "max_cost"


def test_what_a_withdrawn_call_cost_takes_the_place_of_what_was_set_aside() -> None:
    run = withdrawn("0.03").when(late())
    assert run.names() == ["LateResultNoted", "BudgetSettled"]
    assert (run.run.counters.cost, run.run.budget.reserved) == (2 * ANSWER, 0)
    assert run.when(late()).said == ()
    assert "ModelCalled" in back(run).names()


def test_a_withdrawn_call_that_failed_costs_nothing_and_frees_its_money() -> None:
    failed = model_error(n=3).model_copy(update={"cost": None})
    run = withdrawn("0.02").when(failed)
    noted = run.only(j.LateResultNoted)
    assert (noted.outcome, noted.cost) == (Outcome.FAILED.value, 0)
    assert run.run.budget.reserved == 0
    assert run.run.counters.unpriced_calls == 0
    assert run.when(failed).said == ()
    assert "ModelCalled" in back(run).names()


def test_only_what_somebody_makes_may_still_cost() -> None:
    run = begun(
        limits=Limits(max_cost=Decimal(1), max_model_calls=9),
        model=ModelChoice(name="scripted:x", placement=Placement.POOL),
    ).when(begins(1))
    run = run.when(answer(call("look")), came_back(2))
    # A pool has not begun it, and may not begin it once the run has ended.
    assert at_stake(run.run) == ()
    assert at_stake(run.when(begins(3)).run) == (Held(call_id=f"{RUN}.3", amount=ANSWER),)
