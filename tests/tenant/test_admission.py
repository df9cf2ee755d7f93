"""Runs of a tenant with a policy ask it, wait, begin in turn, and are counted until they end."""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.values import RunStatus
from tests.tenant.given import World, capped, policy, run_id


def test_a_run_begins_when_its_tenant_admits_it() -> None:
    world = World.opened(capped(2))
    world.ask(1)
    assert world.names(1) == [
        "RunCreated",
        "UserMessageReceived",
        "RunQueued",
        "RunAdmitted",
        "RunStarted",
        "ContextHydrated",
        "ModelCalled",
    ]
    assert world.called == [run_id(1)]
    assert [type(fact).__name__ for fact in world.facts()] == ["BooksOpened", "AdmissionGranted"]


def test_no_more_runs_than_the_cap_allows_run_at_a_time() -> None:
    world = World.opened(capped(2))
    for number in range(1, 7):
        world.ask(number)
    assert world.states() == {"running": [1, 2], "queued": [3, 4, 5, 6], "ended": []}
    assert world.events(3)[-1].meta.status is RunStatus.QUEUED
    for number in range(1, 7):
        world.finish(number)
        assert len(world.tenant().running) <= 2
    assert world.states()["ended"] == [1, 2, 3, 4, 5, 6]
    assert all(world.names(number)[-1] == "RunCompleted" for number in range(1, 7))
    assert world.tenant().running == {}
    assert world.dead_letters() == []


def test_a_run_in_the_queue_says_why_and_where_it_stands() -> None:
    world = World.opened(capped(1))
    for number in (1, 2, 3):
        world.ask(number)
    queued = [event.fact for event in world.events(3) if isinstance(event.fact, j.RunQueued)]
    assert [fact.position for fact in queued] == [None, 2]
    assert queued[1].reason == 'runfold:at_cap {"of":"the tenant","running":1}'


def test_without_a_policy_nothing_is_asked() -> None:
    world = World.opened()
    world.ask(1)
    assert world.names(1)[:3] == ["RunCreated", "RunStarted", "UserMessageReceived"]
    world.finish(1)
    assert world.names(1)[-1] == "RunCompleted"
    assert "RunSettled" not in world.names(1)
    assert world.facts() == []


def test_a_cancelled_run_leaves_the_queue() -> None:
    world = World.opened(capped(1))
    for number in (1, 2, 3):
        world.ask(number)
    world.cancel(2)
    assert world.names(2)[-2:] == ["RunSettled", "RunCancelled"]
    world.finish(1)
    assert world.states() == {"running": [3], "queued": [], "ended": [1, 2]}


def test_a_full_queue_refuses_and_says_what_to_do() -> None:
    world = World.opened(capped(1, queue_size=1))
    for number in (1, 2, 3):
        world.ask(number)
    end = world.events(3)[-1].fact
    assert isinstance(end, j.RunFailed)
    assert end.error.error_type == "queue_full"
    assert "RunSettled" not in world.names(3)
    assert world.states() == {"running": [1], "queued": [2], "ended": [3]}


def test_a_run_waits_no_longer_than_the_policy_allows() -> None:
    world = World.opened(capped(1, queue_timeout_ms=30_000))
    world.ask(1)
    world.ask(2)
    world.pass_time(29)
    assert world.states()["queued"] == [2]
    world.pass_time(1)
    end = world.events(2)[-1].fact
    assert isinstance(end, j.RunFailed)
    assert end.error.error_type == "queue_timeout"
    assert world.tenant().waiting == ()


def test_a_policy_that_allows_more_is_noticed() -> None:
    world = World.opened(capped(1))
    world.ask(1)
    world.ask(2)
    world.source.publish(capped(2, version="2.0"))
    world.pass_time(5)
    assert world.states() == {"running": [1, 2], "queued": [], "ended": []}


def test_time_in_the_queue_is_no_working_time() -> None:
    world = World.opened(capped(1), limits={"max_duration_ms": 60_000})
    world.ask(1)
    world.pass_time(50)
    world.ask(2)
    world.pass_time(9)
    assert world.states()["queued"] == [2]
    world.pass_time(1)
    assert world.states() == {"running": [2], "queued": [], "ended": [1]}
    world.pass_time(59)
    assert world.states()["running"] == [2]
    world.pass_time(1)
    assert world.states()["ended"] == [1, 2]


def test_users_agents_and_features_have_caps_of_their_own() -> None:
    caps = ({"of": "user", "running": 1}, {"of": "feature", "name": "bulk", "running": 1})
    world = World.opened(policy(caps=caps))
    world.ask(1, user_id="ann")
    world.ask(2, user_id="ann")
    world.ask(3, user_id="bob", feature="bulk")
    world.ask(4, user_id="eve", feature="bulk")
    world.ask(5, user_id="eve")
    assert world.states() == {"running": [1, 3, 5], "queued": [2, 4], "ended": []}


def test_a_user_who_asks_for_much_waits_behind_himself() -> None:
    world = World.opened(capped(1))
    world.ask(1, user_id="greedy")
    for number in range(2, 7):
        world.ask(number, user_id="greedy")
    world.ask(7, user_id="modest")
    order = _order_of_service(world, 7)
    assert order.index(7) <= 2


def test_weights_and_priorities_give_larger_shares_and_starve_nobody() -> None:
    world = World.opened(capped(1, user_weights={"vip": 3}))
    world.ask(1, user_id="nobody")
    for number in range(2, 14):
        world.ask(number, user_id="vip" if number % 2 else "ordinary")
    order = _order_of_service(world, 13)
    first = order[1:9]
    assert sum(number % 2 for number in first) == 6
    assert sorted(order) == list(range(1, 14))


def _order_of_service(world: World, count: int) -> list[int]:
    order: list[int] = []
    while len(order) < count:
        (now,) = world.states()["running"]
        order.append(now)
        world.finish(now)
    return order
