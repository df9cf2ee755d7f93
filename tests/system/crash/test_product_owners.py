"""Processes that are told to stop, taken over, or wake up when others have their place."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest

from runfold.events.run import ToolCallStarted, ToolCallSucceeded
from runfold.stack.settings import Settings
from tests.system.crash.product import product
from tests.system.oracle import read_tables

pytestmark = [pytest.mark.integration, pytest.mark.crash, pytest.mark.timeout(200)]


def test_told_to_stop_it_leaves_nothing_to_do_again(settings: Settings, tmp_path: Path) -> None:
    with product(settings, tmp_path, seconds=0.2) as running:
        running.ask_for(4)
        # Each of them is at work: the pool's calls succeed, and the views show runs.
        running.wait_for_events(ToolCallSucceeded, 6)
        running.wait_until(lambda: bool(read_tables(settings).runs), "the views show runs")
        running.ask_for(16)
        running.wait_for_events(ToolCallStarted, 30)
        for process in running.processes.values():
            assert process.kill(signal.SIGTERM) == 0
            process.start()
        assert running.judge() == []
        done = {
            name: Counter((tmp_path / name).read_text().split())
            for name in ("ledger", "filed", "reads")
        }
        assert set(done["ledger"].values()) == {1}
        assert set(done["filed"].values()) == {1}
        # One look here, and two attempts there.
        assert set(done["reads"].values()) == {1, 2}
        assert sum(done["reads"].values()) == 3 * len(running.wanted)


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_two_run_processors_share_the_partitions_and_take_over(
    protocol: str, settings: Settings, tmp_path: Path
) -> None:
    group = {"RUNFOLD_OWNERSHIP": "group", "RUNFOLD_GROUP_PROTOCOL": protocol}
    with product(settings, tmp_path, env=group) as running:
        other = running.processes["others"] = running.supervised("runs")
        running.ask_for(8)
        running.wait_for_ends()
        running.ask_for(8)
        running.processes["runs"].kill()
        running.wait_for_ends()
        other.process.send_signal(signal.SIGSTOP)
        running.ask_for(8)
        running.wait_for_ends()
        running.ask_for(8)
        other.process.send_signal(signal.SIGCONT)
        running.wait_for_ends()
        running.ask_for(8)
        assert running.judge() == []


def test_a_frozen_owner_writes_nothing_when_it_wakes(settings: Settings, tmp_path: Path) -> None:
    with product(settings, tmp_path) as running:
        running.ask_for(12)
        running.wait_for_events(ToolCallStarted, 12)
        zombie = running.processes.pop("runs")
        zombie.process.send_signal(signal.SIGSTOP)
        running.processes["successor"] = running.supervised("runs")
        running.ask_for(4)
        running.wait_until(lambda: len(running.person.ended) >= 8, "the successor works")
        zombie.process.send_signal(signal.SIGCONT)
        running.ask_for(8)
        try:
            assert running.judge() == []
        finally:
            zombie.kill()
