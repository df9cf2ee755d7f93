"""What the monitor keeps does not grow with the runs that it has seen, and the page says so."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from runfold.events.records.operations import DeadLetter
from runfold.processors.monitor.core.monitor import Monitor
from runfold.processors.monitor.core.snapshot import snapshot
from runfold.processors.monitor.core.windows import COARSE, FINE, PROOFS, Cell
from runfold.processors.monitor.settings import MonitorSettings
from runfold.processors.monitor.shell.page import page
from tests.monitor.given import rules
from tests.support.builders.timed import NOON, Run, seconds

RULES = "silence: {planning: 10s}"


def monitor_of(folder: Path, ended: int, subjects: int = 100) -> Monitor:
    monitor = Monitor(rules(folder, RULES), ended, subjects)
    monitor.covered_from = NOON
    return monitor


def entries(monitor: Monitor) -> int:
    """How many things it holds on to, whatever each of them takes."""
    cells = sum(
        len(buckets)
        for named in monitor.store._series.values()
        for series in named.values()
        for buckets in series._cells.values()
    )
    return len(monitor.runs._ended) + len(monitor.runs.live) + len(monitor._odd) + cells


def test_a_thousand_runs_leave_no_more_than_a_hundred(tmp_path: Path) -> None:
    held = []
    monitor = monitor_of(tmp_path, ended=50)
    for number in range(1000):
        for event in Run(f"r{number}", at=NOON + seconds(number % 10)).begins().completed().events:
            monitor.take(event)
        if number in {99, 999}:
            held.append(entries(monitor))
    assert held[0] == held[1]
    assert len(monitor.runs._ended) == 50
    assert (monitor.runs.forgotten, monitor.tally.duplicates) == (950, 0)
    assert snapshot(monitor, NOON + seconds(20)).tally["forgotten"] == 950


def test_the_last_runs_still_count_once(tmp_path: Path) -> None:
    monitor = monitor_of(tmp_path, ended=2)
    runs = [Run(f"r{number}").begins().completed() for number in range(3)]
    for run in (*runs, *runs[1:]):
        for event in run.events:
            monitor.take(event)
    assert monitor.runs.live == {}
    assert monitor.tally.duplicates == sum(len(run.events) for run in runs[1:])


def test_dead_letters_are_bounded_too(tmp_path: Path) -> None:
    monitor = monitor_of(tmp_path, ended=10)
    for offset in range(100):
        letter = DeadLetter(
            topic="runs.results",
            partition=0,
            offset=offset,
            time=NOON,
            code="a",
            reason="b",
            size=0,
        )
        monitor.take_letter(letter)
    assert len(monitor._odd) == 10
    assert monitor.tally.dead_letters == 100


def test_a_bucket_keeps_a_bounded_proof_and_nothing_that_it_does_not_need() -> None:
    counts, took = Cell(), Cell()
    for number in range(100):
        counts.add(1, f"r{number % 7}", duration=False)
        took.add(number * 1000, "r", duration=True)
    assert counts.runs == ("r4", "r5", "r6", "r0", "r1")
    assert (len(counts.runs), counts.durations, took.runs) == (PROOFS, None, ("r",))


def test_buckets_go_with_their_windows(tmp_path: Path) -> None:
    monitor = monitor_of(tmp_path, ended=50)
    for hour in range(100):
        at = NOON + timedelta(hours=hour)
        for event in Run(f"r{hour}", at=at).begins().completed().events:
            monitor.take(event)
        monitor.evaluate(at)
    for named in monitor.store._series.values():
        for series in named.values():
            assert len(series._cells[FINE]) <= 1
            assert len(series._cells.get(COARSE, ())) <= monitor.kept / timedelta(hours=1) + 1


def test_the_page_says_what_is_left_out(tmp_path: Path) -> None:
    monitor = monitor_of(tmp_path, ended=2, subjects=3)
    shown = page(snapshot(monitor, NOON))
    assert "RUNFOLD_MONITOR" not in shown
    for number in range(6):
        for event in Run(f"r{number}", tenant_id=f"t{number}").begins().completed().events:
            monitor.take(event)
    shown = page(snapshot(monitor, NOON))
    assert "More names of tenant than are told apart" in shown
    assert "RUNFOLD_MONITOR_SUBJECTS" in shown
    assert "4 ended runs are not remembered any more" in shown


def test_both_bounds_are_settings() -> None:
    env = {"RUNFOLD_MONITOR_ENDED": "100", "RUNFOLD_MONITOR_SUBJECTS": "7"}
    found = MonitorSettings.from_env(env)
    assert (found.ended, found.subjects) == (100, 7)
