"""The benchmark itself: what it chooses to measure, what it makes of rounds, how it is pinned."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from benchmarks.peers import results, turn
from benchmarks.peers.agent.work import TOOL_CALLS, Load
from benchmarks.peers.contract import Done, Facts, Place
from benchmarks.peers.errors import NotMeasuredError
from benchmarks.peers.profile import PLAIN, PROFILES, Bulk, Profile, Scope
from benchmarks.peers.runfold.system import variants
from benchmarks.peers.systems import SYSTEMS

HERE = Path(results.__file__).parent
TINY = Profile("tiny", 1, (Bulk("few", 4, 2),), (), crash_runs=4, warm_runs=1, slow_share=1.0)


class Fake:
    """A system in memory that loses or repeats effects as it is told to."""

    name, title, scope = "fake", "Fake", Scope.ALL

    def __init__(self, effects: int = TOOL_CALLS) -> None:
        self._effects = effects
        self._runs = 0
        self.stopped = False

    def install(self) -> None: ...

    def facts(self) -> Facts:
        return Facts({"fake": "1"}, "none", "none")

    def start(self, place: Place) -> None:
        self._ledger = place.ledger.path

    def run(self, count: int, at_once: int, load: Load) -> Done:
        run_ids = [f"run-{self._runs + number}" for number in range(count)]
        self._runs += count
        with self._ledger.open("a") as file:
            for run_id in run_ids:
                file.writelines(f"{run_id} tool {n} 1 1 -\n" for n in range(self._effects))
        return Done(tuple(run_ids), 2.0, (0.1,) * count)

    def kill_workers(self) -> None: ...

    def start_workers(self) -> None: ...

    def pids(self) -> dict[str, list[int]]:
        return {"worker": [], "store a": [], "store b": []}

    def bytes_at_rest(self) -> dict[str, int]:
        return {"record": self._runs * 1000, "views": self._runs * 10}

    def stop(self) -> None:
        self.stopped = True


def test_a_turn_gives_a_figure_a_run_by_part_and_together() -> None:
    system = Fake()

    figures = turn.take(system, TINY, lambda _: None)

    assert figures["few_runs_per_s"] == 2.0
    assert figures["few_bytes_per_run"] == 1010.0
    assert figures["few_bytes_per_run_views"] == 10.0
    assert {"few_cpu_ms_per_run_store", "few_cpu_ms_per_run_store_a"} <= figures.keys()
    assert (figures["crash_effects_lost"], figures["crash_effects_repeated"]) == (0, 0)
    assert system.stopped


def test_a_system_that_loses_effects_without_a_fault_is_not_measured() -> None:
    system = Fake(effects=TOOL_CALLS - 1)

    with pytest.raises(NotMeasuredError, match="without any fault"):
        turn.take(system, TINY, lambda _: None)
    assert system.stopped


def test_the_reason_of_one_system_stops_no_other() -> None:
    found = results.Results("tiny", 1)
    first, second = variants()[:2]
    for system in (first, second):
        with found.reason_of(system):
            if system is first:
                raise NotMeasuredError("it does not start")

    assert found.measurable([first, second]) == [second]


def test_columns_are_medians_with_their_range(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "FILE", tmp_path / "peers.json")
    monkeypatch.setattr(results, "SESSION", tmp_path / "peers.session.json")
    found, system = results.Results("tiny", 3), Fake()
    with found.reason_of(system):
        found.describe(system)
        for rate in (90.0, 300.0, 100.0):
            found.add(system, {"few_runs_per_s": rate})
    found.write(1.0)

    row = json.loads((tmp_path / "peers.json").read_text())[0]
    assert row["few_runs_per_s"] == 100.0
    assert row["ranges"]["few_runs_per_s"] == [90.0, 300.0]
    assert row["rounds_measured"] == 3
    assert json.loads((tmp_path / "peers.session.json").read_text())["rounds"] == 3


def test_a_slow_system_makes_fewer_runs_and_the_others_all() -> None:
    profile = PROFILES["standard"]

    counts = {bulk.column: bulk.runs for bulk in profile.within(Scope.FEW).bulks}
    assert counts["few"] == 100
    assert "many" not in counts
    assert {bulk.runs for bulk in profile.bulks} >= {300, 2000}


def test_a_variant_is_measured_with_the_plain_load_only() -> None:
    profile = PROFILES["standard"].within(Scope.PLAIN)

    loads = {bulk.load for bulk in profile.bulks} | {one.load for one in profile.singles}
    assert loads == {PLAIN}


def test_large_cases_come_once_unless_everything_is_measured() -> None:
    def columns(name: str, number: int) -> set[str]:
        return {bulk.column for bulk in PROFILES[name].in_round(number).bulks}

    assert "many" in columns("standard", 1)
    assert "many" not in columns("standard", 2)
    assert "many" in columns("full", 2)


def test_every_system_has_a_name_of_its_own() -> None:
    names = [system.name for system in SYSTEMS]

    assert len(set(names)) == len(names)
    assert {"runfold", "dbos", "langgraph", "restate", "temporal"} <= set(names)


def test_what_is_downloaded_is_pinned_by_hash_and_by_no_address() -> None:
    python = (HERE / "requirements.lock").read_text()
    node = json.loads((HERE / "restate/package-lock.json").read_text())
    pins = re.findall(r"^[\w.\-\[\]]+==", python, re.MULTILINE)
    packages = [package for name, package in node["packages"].items() if name]

    assert len(pins) <= python.count("--hash=sha256:")
    assert "://" not in python
    assert all("integrity" in package and "resolved" not in package for package in packages)
    assert "go.temporal.io/server v" in (HERE / "temporal/go.sum").read_text()


@pytest.mark.integration
@pytest.mark.timeout(300)
def test_claimed_tools_are_repeated_by_no_kill() -> None:
    claimed = next(system for system in variants() if system.claimed)
    began = time.monotonic()

    figures = turn.take(claimed, TINY, lambda _: None)

    assert figures["crash_effects_repeated"] == 0
    assert figures["crash_effects_lost"] == 0
    assert 0 < figures["crash_to_done_s"] < time.monotonic() - began
    assert figures["few_bytes_per_run_record"] > 0
