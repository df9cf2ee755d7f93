"""Waiting is not failing: in every test run for half a minute, in `make torture` at length."""

from __future__ import annotations

import pytest

from tests.support.stack import temporary_home
from tests.system.torture.campaign import provoke
from tests.system.torture.servers.servers import servers
from tests.system.torture.worlds import RULED_SHORT, TOGETHER, WORLDS

pytestmark = [pytest.mark.integration, pytest.mark.crash, pytest.mark.timeout(400)]


def test_nothing_fails_that_only_waits() -> None:
    with temporary_home() as home, servers(home / "servers") as found:
        verdict = provoke(found, home / "round", TOGETHER)
    assert verdict.violations == []
    # What did not happen was not shown.
    asked = {fault.kind for fault in TOGETHER.faults}
    assert {name.partition(" ")[0] for name in verdict.faults} == asked
    assert verdict.calls_held > 0
    assert verdict.cancelled > 0
    assert verdict.views_compared == verdict.runs > 30
    governed = {"ApprovalGiven", "RunTakenOver", "RunExtended", "RequestIgnored", "WaitEscalated"}
    assert governed <= verdict.tried.keys()
    assert verdict.admitted > 10
    assert verdict.stopped > 0


def test_every_world_has_a_name_of_its_own() -> None:
    assert len({world.name for world in (*WORLDS, TOGETHER, RULED_SHORT)}) == len(WORLDS) + 2
