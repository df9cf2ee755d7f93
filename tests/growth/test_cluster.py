"""The simulation of larger deployments keeps to what can be reckoned by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.cluster.__main__ import costs_of, sized
from benchmarks.cluster.clock import Clock
from benchmarks.cluster.machine import Machine, Process
from benchmarks.cluster.parts import Costs
from benchmarks.cluster.world import Plan, World
from benchmarks.sharing import Cost, costs

COSTS = Costs(
    lanes=Cost(4.0, 0.5),
    broker=Cost(2.0, 0.5),
    projector=Cost(2.0, 0.1),
    postgres=Cost(1.0, 0.1),
    alone_ms=4.0,
    events=52,
    fewest=0.5,
)
PLAN = Plan(
    partitions=8,
    processes=4,
    brokers=3,
    broker_cores=2,
    copies=3,
    projectors=2,
    databases=1,
    database_cores=4,
)


def test_what_is_due_is_done_in_order_and_not_before_its_time() -> None:
    clock, done = Clock(), list[tuple[str, float]]()
    for name, at in (("late", 2.0), ("soon", 1.0), ("with it", 1.0), ("never", 9.0)):
        clock.after(at, lambda name=name: done.append((name, clock.now)))  # type: ignore[misc]
    clock.run(3.0)
    assert done == [("soon", 1.0), ("with it", 1.0), ("late", 2.0)]
    assert clock.now == 3.0


def test_two_cores_do_three_pieces_of_work_in_the_time_of_one_and_a_half() -> None:
    clock, ended = Clock(), list[float]()
    machine = Machine(clock, 2)
    for _ in range(3):
        machine.work(lambda: 1.0, lambda: ended.append(clock.now))
    clock.run(10.0)
    assert machine.busy_s == pytest.approx(3.0)
    # By turns, so that all of them end in the last slices.
    assert ended == pytest.approx([1.5, 1.5, 1.5], abs=0.01)


def test_a_process_does_one_thing_at_a_time_however_many_cores_there_are() -> None:
    clock, ended = Clock(), list[float]()
    process = Process(Machine(clock, 8))
    for _ in range(3):
        process.work(lambda: 1.0, lambda: ended.append(clock.now))
    clock.run(10.0)
    assert ended == pytest.approx([1.0, 2.0, 3.0])


def test_what_is_offered_is_done_and_every_part_is_as_busy_as_its_costs_say() -> None:
    found = World(PLAN, COSTS, 0.05).offer(300, 20)
    assert found.runs_per_s == pytest.approx(300, rel=0.05)

    def busy(cost: Cost, cores: float) -> float:
        return 300 * (cost.run + cost.transaction * found.transactions) / 1000 / cores

    assert found.lanes[0] == pytest.approx(busy(COSTS.lanes, 4), rel=0.05)
    assert found.brokers[0] == pytest.approx(busy(COSTS.broker, 2), rel=0.05)
    assert found.projectors[0] == pytest.approx(busy(COSTS.projector, 2), rel=0.05)
    assert found.databases[0] == pytest.approx(busy(COSTS.postgres, 4), rel=0.05)


def test_the_same_is_simulated_the_same() -> None:
    assert World(PLAN, COSTS, 0.05).offer(100, 4) == World(PLAN, COSTS, 0.05).offer(100, 4)


def test_the_more_is_offered_the_more_decisions_share_a_transaction() -> None:
    shared = [World(PLAN, COSTS, 0.05).offer(rate, 8).transactions for rate in (20, 200, 500)]
    assert shared == sorted(shared, reverse=True)
    assert 11 < shared[0] <= 12.5
    assert shared[2] < 6


def test_a_lone_run_takes_what_a_lone_decision_took() -> None:
    found = World(replace(PLAN, copies=1), COSTS, 0.0).keep_open(1, 4)
    assert found.decision_ms[0] == pytest.approx(COSTS.alone_ms, rel=0.01)
    assert found.runs_per_s == pytest.approx(1000 / 12 / COSTS.alone_ms, rel=0.02)


def test_what_is_too_much_for_one_part_is_seen_there() -> None:
    found = World(replace(PLAN, projectors=1), COSTS, 0.05).offer(500, 10)
    assert found.runs_per_s == pytest.approx(500, rel=0.05)
    assert found.behind_s > 1
    assert found.decision_ms[1] < 100


def test_a_projector_folds_while_its_database_writes() -> None:
    even = replace(COSTS, projector=Cost(2.0, 0.0), postgres=Cost(2.0, 0.0))
    # One after the other would be 1.6 seconds of work a second.
    found = World(replace(PLAN, projectors=1), even, 0.05).offer(400, 10)
    assert found.behind_s < 0.5


def test_a_hot_partition_waits_and_the_others_do_not() -> None:
    plan = replace(PLAN, partitions=8, processes=8)
    found = World(plan, COSTS, 0.05, hot_share=0.4).offer(600, 10)
    assert found.hot_decision_ms > 10 * found.decision_ms[0]


def test_costs_are_the_line_through_what_was_measured() -> None:
    rows = [
        {
            "in_flight": at_once,
            "runs_per_s": 20.0 if at_once == 1 else 200.0,
            "events": 52,
            "transactions": shared,
            "lanes": 4 + 0.5 * shared,
            "broker": 2 + 0.25 * shared,
            "projector": 2.0,
            "postgres": 1.5 - 0.1 * shared,
        }
        for at_once, shared in ((1, 12.0), (8, 6.0), (300, 0.5))
    ]
    found = costs(rows)
    assert (found["lanes"].run, found["lanes"].transaction) == pytest.approx((4, 0.5))
    assert (found["broker"].run, found["broker"].transaction) == pytest.approx((2, 0.25))
    # Nothing becomes cheaper by a transaction: what looks so is noise, and its mean is kept.
    assert found["postgres"].transaction == 0
    assert found["postgres"].run == pytest.approx(1.5 - 0.1 * 18.5 / 3)
    of = costs_of({"sharing": rows})
    assert of.fewest == 0.5
    assert of.full(of.lanes) == pytest.approx(4.25)
    assert of.alone_ms == pytest.approx(1000 / 20 / 12)
    assert of.commit_wait_s == pytest.approx((1000 / 240 - 4 / 12 - 0.5 - 2 / 12 - 0.25) / 1000)


def test_a_plan_leaves_room_in_every_part() -> None:
    plan = sized(1000, COSTS)
    assert plan.processes * 1000 * 0.6 >= 1000 * (4.0 + 0.5 * 0.5)
    assert plan.brokers * plan.broker_cores * 1000 * 0.6 >= 3 * 1000 * (2.0 + 0.5 * 0.5)
    assert plan.databases * plan.database_cores * 1000 * 0.6 >= 1000 * (1.0 + 0.5 * 0.1)
    assert plan.partitions >= 2 * plan.processes
