"""Retries are counted against the limit of the run, and against the budget of its tenant."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from runfold.events import run as j
from runfold.events.definitions import ModelChoice, RetryPolicy
from runfold.events.tenant import Amount
from runfold.events.values import Limits
from runfold.processors.tenant.state import BookKey
from tests.deciders.given import (
    LOOK,
    WRITE,
    agent,
    answer,
    broke,
    call,
    definitions,
    due,
    model_error,
    request,
    tool,
)
from tests.spec import Story
from tests.tenant.given import World, policy
from tests.tenant.judging import faults

STUBBORN = tool("look", risk_level=0, retry=RetryPolicy(max_attempts=9, initial_ms=1000))
MODEL = ModelChoice(name="scripted:x", retry=RetryPolicy(max_attempts=9))


def limited(retries: int) -> Story:
    limits = Limits(max_identical_calls=9, max_retries=retries)
    worker = agent(model=MODEL, tools=("look",), limits=limits)
    return Story(definitions(STUBBORN, worker)).when(request())


def test_a_call_fails_as_its_last_attempt_where_the_retries_are_used_up() -> None:
    run = limited(1).when(answer(call("look")), broke(2))
    assert run.names()[-1] == "RetryScheduled"
    over = due(run).when(broke(2, attempt=2))
    met = over.only(j.LimitReached)
    assert (met.limit, met.used, met.allowed) == ("max_retries", "1", "1")
    assert "RetryScheduled" not in over.names()
    assert over.names()[-1] == "ModelCalled"


def test_retries_that_are_about_to_be_made_count() -> None:
    calls = [call("look", {"path": str(each)}, id=f"c{each}") for each in range(3)]
    run = limited(2).when(answer(*calls))
    names = [
        run.when(broke(2)),
        run.when(broke(2), broke(3)),
        run.when(broke(2), broke(3), broke(4)),
    ]
    assert [each.names().count("RetryScheduled") for each in names] == [1, 1, 0]
    assert names[2].only(j.LimitReached).used == "2"


def test_a_run_without_retries_left_fails_at_its_model() -> None:
    run = limited(0).when(model_error())
    assert run.names() == ["ModelFailed", "LimitReached", "RunFailed"]
    assert run.only(j.RunFailed).error.error_type == "overloaded"


def test_a_run_without_such_a_limit_is_as_before() -> None:
    run = Story(definitions(LOOK, WRITE, agent(model=MODEL, tools=("look", "write")))).when(
        request(), model_error()
    )
    assert run.names() == ["ModelFailed", "RetryScheduled"]


HOUR = {"period": "hour", "percent": 50, "least": 3, "per_run": 2}
GIVEN = BookKey("tenant", "", "retries", "hour")
MADE = BookKey("tenant", "", "calls", "hour")


def budgeted(**more: Any) -> World:
    return World.opened(policy(retries={**HOUR, **more}), model=MODEL)


def allowed(world: World, number: int) -> int | None:
    return world.limits(number).max_retries


def test_a_tenant_gives_out_what_it_has() -> None:
    world = budgeted()
    for number in (1, 2, 3):
        world.ask(number)
    assert [allowed(world, number) for number in (1, 2, 3)] == [2, 1, 0]
    assert world.states()["running"] == [1, 2, 3]
    world.finish(1)
    world.ask(4)
    assert allowed(world, 4) == 2
    assert (world.tenant().books[MADE].used, world.tenant().books[GIVEN].used) == (1, 0)
    assert faults(world) == []


def test_calls_that_are_made_earn_retries() -> None:
    world = budgeted(least=0)
    world.ask(1)
    assert allowed(world, 1) == 0
    world.answered(1, "0")
    world.answered(1, "0")
    world.finish(1)
    world.ask(2)
    assert allowed(world, 2) == 1
    assert faults(world) == []


def test_a_run_s_own_limit_is_what_it_is_given() -> None:
    world = budgeted()
    world.ask(1, limits=Limits(max_retries=1))
    assert world.tenant().running[world.ids[1]].reserved == (
        Amount(unit="retries", amount=Decimal(1)),
    )


def test_a_run_may_have_more_retries_where_some_are_left() -> None:
    world = budgeted()
    world.ask(1)
    world.extend(1, retries=1)
    assert allowed(world, 1) == 3
    world.extend(1, "again", retries=1)
    assert world.last(1, j.ExtensionRefused).code == "no_retries_left"
    assert faults(world) == []
