"""Rates: of starts by a tenant, of calls by each run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold.events import pacing
from runfold.events import run as j
from runfold.events.calls import ModelResult
from runfold.events.tenant import AdmissionAnswered, CallRates, Verdict
from runfold.processors.run.lifecycle.deadlines import next_timer
from tests.deciders.given import LOOK, RUN, WRITE, agent, answer, call, came_back, request
from tests.deciders.given import definitions as known
from tests.spec import START, Story
from tests.tenant.given import World, policy
from tests.tenant.judging import faults


def rated(*rates: dict[str, Any], **more: Any) -> World:
    return World.opened(policy(rates=rates, **more))


def test_a_run_that_comes_too_early_waits_for_its_moment() -> None:
    world = rated({"of": "user", "per": "minute", "runs": 2, "burst": 1})
    for number in (1, 2, 3):
        world.ask(number, user_id="ann")
    world.ask(4, user_id="bob")
    assert world.states() == {"running": [1, 4], "queued": [2, 3], "ended": []}
    assert 'at_rate {"of":"user ann","per":"minute","runs":2}' in world.last(2, j.RunQueued).reason
    world.pass_time(29.999)
    assert world.states()["queued"] == [2, 3]
    world.pass_time(0.001)
    assert world.states()["queued"] == [3]
    world.pass_time(30)
    assert world.states()["queued"] == []
    assert faults(world) == []


def test_as_many_as_the_burst_says_begin_at_once() -> None:
    world = rated({"of": "tenant", "per": "hour", "runs": 3})
    for number in range(1, 6):
        world.ask(number)
    assert world.states()["running"] == [1, 2, 3]
    world.pass_time(1200)
    assert world.states()["running"] == [1, 2, 3, 4]


def test_a_rate_may_refuse_and_says_when_to_ask_again() -> None:
    world = rated(
        {"of": "feature", "name": "bulk", "per": "hour", "runs": 1, "when_spent": "refuse"}
    )
    world.ask(1, feature="bulk")
    world.pass_time(600)
    world.ask(2, feature="bulk")
    world.ask(3)
    error = world.last(2, j.RunFailed).error
    assert (error.error_type, error.retry_after_ms) == ("at_rate", 3_000_000)
    assert world.states() == {"running": [1, 3], "queued": [], "ended": [2]}
    assert faults(world) == []


def test_a_rate_that_refuses_does_not_send_away_who_waits_for_a_cap() -> None:
    rate = {"of": "tenant", "per": "minute", "runs": 1, "when_spent": "refuse"}
    world = rated(rate, caps=({"of": "tenant", "running": 1},))
    for number in (1, 2, 3):
        world.ask(number)
        world.pass_time(61)
    assert world.states() == {"running": [1], "queued": [2, 3], "ended": []}
    world.finish(1)
    world.finish(2)
    world.pass_time(30)
    assert world.states() == {"running": [], "queued": [3], "ended": [1, 2]}
    world.pass_time(60)
    assert world.states()["running"] == [3]
    assert faults(world) == []


def test_who_waits_for_a_rate_holds_up_nobody_else() -> None:
    world = rated(
        {"of": "agent", "per": "hour", "runs": 1}, {"of": "user", "per": "hour", "runs": 9}
    )
    world.ask(1)
    world.ask(2)
    world.cancel(1)
    assert world.states()["queued"] == [2]


@given(
    times=st.integers(1, 100),
    burst=st.none() | st.integers(1, 100),
    waits=st.lists(st.integers(0, 90_000_000), max_size=60),
)
def test_no_period_has_more_than_the_burst_and_the_rate(
    times: int, burst: int | None, waits: list[int]
) -> None:
    rate, stands, now = pacing.interval(times, pacing.MINUTE, burst), None, START
    taken = []
    for wait in waits:
        now += timedelta(microseconds=wait)
        if stands is None or pacing.free(stands, rate) <= now:
            stands = pacing.after(stands, now, rate)
            taken.append(now)
    most = min(burst or times, times)
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            span = taken[last] - taken[first]
            assert last - first + 1 <= most + span * times // pacing.MINUTE


def paced(**rates: int) -> Story:
    """A run whose tenant lets it make so many calls a minute, before its first one."""
    world = known(LOOK, WRITE, agent(tools=("look", "write")))
    world = world.plus("tenant_policy", policy().body(), 100)
    asked = Story(world).when(request())
    answer_ = AdmissionAnswered(run_id=RUN, verdict=Verdict.GRANTED, rates=CallRates(**rates))
    return asked.when(answer_)


def looks(n: int = 1, times: int = 1) -> ModelResult:
    calls = [call("look", {"path": str(each)}, id=f"c{each}") for each in range(times)]
    return answer(*calls, n=n)


def test_a_run_s_model_waits_for_its_turn() -> None:
    run = paced(model_calls=1).when(looks(), came_back(2))
    held = run.only(j.CallsPaced)
    assert (held.kind, held.per_minute) == ("model", 1)
    timer = next_timer(run.run)
    assert timer is not None
    assert (timer.due, timer.kind) == (held.due, "pace_model1")
    assert (timer.due - START).total_seconds() == 62
    later = run.after((timer.due - run.now).total_seconds() - 1).when(timer)
    assert later.names()[-1] == "ModelCalled"
    again = next_timer(later.run)
    assert again is not None
    assert not again.kind.startswith("pace")


def test_tool_calls_wait_for_their_turn_each() -> None:
    run = paced(tool_calls=2).when(looks(times=4))
    assert run.names().count("ToolCallStarted") == 2
    assert run.names().count("CallsPaced") == 1
    for _ in range(2):
        timer = next_timer(run.run)
        assert timer is not None
        run = run.after((timer.due - run.now).total_seconds() - 1).when(timer)
        assert run.names()[0] == "ToolCallStarted"
    assert run.names() == ["ToolCallStarted"]


@pytest.mark.parametrize("rates", [{}, {"model_calls": 100, "tool_calls": 100}])
def test_what_is_slow_enough_waits_for_nothing(rates: dict[str, int]) -> None:
    run = paced(**rates).when(looks(times=2))
    assert run.names().count("ToolCallStarted") == 2
    assert "CallsPaced" not in [type(fact).__name__ for fact in run.facts]
