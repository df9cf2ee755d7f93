"""Two real pools keep one bound together, and a pool that is killed gives its slots back."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from runfold.events.calls import Outcome
from runfold.events.contents.content import json_content
from runfold.stack.settings import Settings
from tests.effects.given import tool_work
from tests.effects.pools import PoolBench, bench
from tests.support.stack import wait_until
from tests.tool.samples import noted

pytestmark = pytest.mark.integration

_MOST = 2


@pytest.fixture
def pools(settings: Settings) -> Iterator[PoolBench]:
    with bench(settings) as found:
        yield found


def under_way(folder: Path) -> list[set[str]]:
    """What was executed at each moment, by the process that did; a killed one does nothing."""
    log = folder / "log"
    now: set[str] = set()
    moments = []
    for line in log.read_text().splitlines() if log.exists() else ():
        what, _, which = line.partition(" ")
        if what == "begin":
            now = now | {which}
        elif what == "end":
            now = now - {which}
        else:
            now = {each for each in now if not each.startswith(f"{which} ")}
        moments.append(now)
    return moments


def last(folder: Path) -> set[str]:
    moments = under_way(folder)
    return moments[-1] if moments else set()


def test_two_pools_keep_one_bound_and_a_killed_one_gives_its_slots_back(
    pools: PoolBench, tmp_path: Path
) -> None:
    one = pools.start()
    other = pools.start(RUNFOLD_INSTANCE="pool-2")
    pools.wait_for_members(2)
    works = [
        tool_work(
            f"run-{number}.1",
            tool="shares",
            tool_version="1.0.0",
            arguments=json_content({"folder": str(tmp_path)}),
            timeout_ms=80_000,
        )
        for number in range(12)
    ]
    pools.publish(works)
    wait_until(lambda: len(last(tmp_path)) == _MOST)
    # One that holds a slot is killed: no lease of its own is given up.
    victim = one if any(each.startswith(f"{one.pid} ") for each in last(tmp_path)) else other
    survivor = other if victim is one else one
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    noted(str(tmp_path), f"killed {victim.pid}")
    wait_until(lambda: len(last(tmp_path)) == _MOST)
    assert {each.split()[0] for each in last(tmp_path)} == {str(survivor.pid)}
    (tmp_path / "end").touch()
    results = pools.results_of(works)
    assert {result.outcome for result in results} == {Outcome.SUCCEEDED}
    assert max(map(len, under_way(tmp_path))) == _MOST
