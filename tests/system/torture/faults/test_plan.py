"""A plan follows from its seed alone, and every kind of fault comes."""

from __future__ import annotations

import pytest

from tests.system.torture.campaign import rounds
from tests.system.torture.faults.plan import FIXED, OWNERSHIPS, POINTS, RUNS, Settings, plan
from tests.system.torture.judgement.recovery import percentile


def test_the_same_seed_gives_the_same_faults() -> None:
    assert plan(Settings("7/0", 300)) == plan(Settings("7/0", 300))
    assert plan(Settings("7/0", 300)) != plan(Settings("7/1", 300))


@pytest.mark.parametrize("ownership", OWNERSHIPS)
def test_a_long_plan_has_every_kind(ownership: str) -> None:
    faults = plan(Settings("1", 3000, ownership))
    kinds = {fault.kind for fault in faults}
    wanted = {"kill", "failpoint", "term", "freeze", "broker", "postgres", "proxy", "clock", "disk"}
    assert wanted <= kinds
    assert ("member" in kinds) == (ownership != FIXED)
    assert {fault.target for fault in faults if fault.kind == "zombie"} <= {RUNS, "projector"}


def test_every_step_of_every_process_is_hit_in_a_long_plan() -> None:
    faults = plan(Settings("1", 20_000))
    hit = {fault.detail.partition(":")[0] for fault in faults if fault.kind == "failpoint"}
    assert hit == {name for names in POINTS.values() for name in names}


def test_faults_come_in_order_and_leave_time_to_end() -> None:
    faults = plan(Settings("1", 200))
    times = [fault.at for fault in faults if fault.kind != "kill"]
    assert times == sorted(times)
    assert max(times) <= 180


def test_rounds_take_turns_with_ownership_and_have_seeds_of_their_own() -> None:
    found = [(one.seed, one.seconds, one.ownership) for one in rounds("7", 300)]
    assert found == [("7/0", 100, "fixed"), ("7/1", 100, "consumer"), ("7/2", 100, "classic")]


def test_rounds_take_turns_with_servers_in_every_ownership() -> None:
    found = rounds("7", 2400)
    assert {one.ownership for one in found if one.standby} == set(OWNERSHIPS)
    assert {one.ownership for one in found if one.brokers == 3} == set(OWNERSHIPS)
    assert not any(one.standby or one.brokers > 1 for one in rounds("7", 2400, mixed=False))


def test_a_database_is_lost_once_where_there_is_a_standby() -> None:
    without = plan(Settings("1", 100, servers_every=8))
    faults = plan(Settings("1", 100, servers_every=8, standby=True))
    (lost,) = [fault for fault in faults if fault.kind == "promote"]
    assert 30 <= lost.at <= 70
    # The other faults are those of the round without a standby.
    assert [fault for fault in faults if fault != lost] == without


def test_percentiles() -> None:
    assert percentile([], 99) == 0
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile([float(n) for n in range(100)], 99) == 99.0


def test_surfaces_are_killed_and_frozen_beside_the_other_faults() -> None:
    without = plan(Settings("1", 300))
    faults = plan(Settings("1", 300, surfaces=True))
    of_surfaces = [fault for fault in faults if fault.target in {"gateway", "delivery"}]
    assert {fault.kind for fault in of_surfaces} == {"kill", "failpoint", "freeze", "term"}
    assert {fault.target for fault in of_surfaces} == {"gateway", "delivery"}
    # The other faults are those of the round without.
    assert [fault for fault in faults if fault not in of_surfaces] == without
