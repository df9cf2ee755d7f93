"""At a soft limit runs begin with a cheaper model, and one by one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from runfold.events import run as j
from runfold.events.definitions import ModelChoice
from runfold.processors.tenant.state import PaceKey
from tests.spec import START
from tests.tenant.given import World, policy
from tests.tenant.judging import faults

SOFT = {"of": "tenant", "period": "day", "limit": "4.00", "soft": "0.50"}
CHEAPER = {
    "model": ModelChoice(
        name="scripted:dear", fallbacks=("scripted:dearer",), cheaper=("scripted:a", "scripted:b")
    )
}


def soft(*at_soft: str, agent: dict[str, Any] | None = None, **more: Any) -> World:
    budget = {**SOFT, "at_soft": at_soft, **more}
    return World.opened(policy(budgets=(budget,), run_amounts={"usd": "0.40"}), **(agent or {}))


def called(world: World, number: int) -> tuple[str, tuple[str, ...]]:
    fact = world.last(number, j.ModelCalled)
    return fact.model, fact.fallbacks


def test_runs_that_reach_a_soft_limit_take_the_cheaper_models_of_their_agent() -> None:
    world = soft("cheaper_models", agent=CHEAPER)
    world.ask(1)
    world.ask(2)
    assert called(world, 1) == ("scripted:dear", ("scripted:dearer",))
    assert called(world, 2) == ("scripted:a", ("scripted:b",))
    admitted = world.last(2, j.RunAdmitted)
    assert (admitted.cheaper, admitted.model) == (True, "scripted:a")
    assert "soft_limit_reached" in world.last(2, j.ModelCalled).routing_reason
    world.finish(1)
    world.finish(2)
    assert faults(world) == []


def test_an_agent_without_cheaper_models_keeps_its_own() -> None:
    world = soft("cheaper_models")
    world.ask(1)
    world.ask(2)
    assert called(world, 2)[0] == "scripted:x"
    admitted = world.last(2, j.RunAdmitted)
    assert (admitted.cheaper, admitted.model) == (True, None)
    assert faults(world) == []


def test_an_alert_alone_changes_no_run() -> None:
    world = soft(agent=CHEAPER)
    world.ask(1)
    world.ask(2)
    assert called(world, 2)[0] == "scripted:dear"
    assert not world.last(2, j.RunAdmitted).cheaper


def test_a_throttle_spaces_the_starts_out() -> None:
    world = soft("throttle", throttle_ms=60_000)
    world.ask(1)
    world.ask(2)
    for number in (3, 4, 5):
        world.ask(number)
    assert world.states()["queued"] == [3, 4, 5]
    assert "throttled" in world.last(3, j.RunQueued).reason
    world.pass_time(59.999)
    assert world.states()["queued"] == [3, 4, 5]
    world.pass_time(0.001)
    assert world.states()["queued"] == [4, 5]
    world.pass_time(60)
    assert world.states()["queued"] == [5]
    pace = world.tenant().paces[PaceKey("tenant", "", "throttle/usd/day/60000")]
    assert (pace.free - START).total_seconds() == 180
    assert faults(world) == []


def test_below_its_soft_limit_nothing_is_throttled() -> None:
    world = soft("throttle", throttle_ms=60_000, soft="3.9")
    for number in range(1, 6):
        world.ask(number)
    assert world.states()["running"] == [1, 2, 3, 4, 5]
    world.finish(1, "0.1")
    assert world.tenant().books[next(iter(world.tenant().books))].used == Decimal("0.1")
