"""Live runs: each event once, how long silence is allowed, who waits for whom."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold.events import run as j
from runfold.events.records.alerts import AlertRaised
from runfold.events.records.operations import DeadLetter
from runfold.events.run import Event
from runfold.processors.monitor.core.monitor import Monitor
from runfold.processors.monitor.core.rules import AlertRules
from runfold.processors.monitor.core.snapshot import snapshot
from tests.monitor.given import rules, take, watching
from tests.support.builders.timed import NOON, Run, seconds

QUIET = "silence: {planning: 60s, waiting_for_model: 30s, running_tool: 30s, paused: never}"
FIVE = timedelta(minutes=5)


def stuck(monitor: Monitor, at: datetime) -> list[str]:
    return [run.run_id for run in monitor.moment(at).stuck]


def test_a_run_is_stuck_once_its_state_allows_no_more_silence(tmp_path: Path) -> None:
    monitor = take(watching(tmp_path, QUIET), Run("r1").begins())
    assert stuck(monitor, NOON + seconds(60)) == []
    assert stuck(monitor, NOON + seconds(60.000001)) == ["r1"]


def test_an_open_call_may_be_silent_until_its_own_time_out(tmp_path: Path) -> None:
    run = Run("r1").begins().asks("r1.1", timeout_ms=300_000)
    monitor = take(watching(tmp_path, QUIET), run)
    # 300 s and half a minute of grace.
    assert stuck(monitor, NOON + seconds(330)) == []
    assert stuck(monitor, NOON + seconds(331)) == ["r1"]


def test_a_time_out_that_is_over_allows_nothing_any_more(tmp_path: Path) -> None:
    run = Run("r1").begins().starts("r1.2", timeout_ms=600_000).wait(5).worked("r1.2", 5000)
    run.asks("r1.3", timeout_ms=1000)
    monitor = take(watching(tmp_path, QUIET), run)
    assert stuck(monitor, NOON + seconds(5 + 32)) == ["r1"]


def test_a_held_call_may_be_silent_until_its_retry(tmp_path: Path) -> None:
    text = QUIET.replace("running_tool", "waiting_for_tool")
    run = Run("r1").begins().starts("r1.2").broke("r1.2").retries("r1.2", delay=900)
    monitor = take(watching(tmp_path, text), run)
    assert stuck(monitor, NOON + seconds(930)) == []
    assert stuck(monitor, NOON + seconds(931)) == ["r1"]


def test_a_run_that_a_brake_slows_may_be_silent_until_its_time(tmp_path: Path) -> None:
    slow = j.BrakeApplied(
        pattern="error_streak",
        action=j.BrakeAction.SLOW,
        reason="",
        due=NOON + seconds(900),
    )
    monitor = take(watching(tmp_path, QUIET), Run("r1").begins().add(slow))
    assert stuck(monitor, NOON + seconds(930)) == []
    assert stuck(monitor, NOON + seconds(931)) == ["r1"]


def test_a_paused_run_is_never_stuck_and_an_ended_one_is_gone(tmp_path: Path) -> None:
    asleep, over = Run("r1").begins().paused(), Run("r2").begins().completed()
    monitor = take(watching(tmp_path, QUIET), asleep, over)
    assert stuck(monitor, NOON + timedelta(days=99)) == []
    assert list(monitor.runs.live) == ["r1"]


def test_how_long_a_person_has_been_waited_for(tmp_path: Path) -> None:
    first, second = (
        Run("r1").begins().asks_person("r1.1"),
        Run("r2").begins().wait(40).asks_person("r2.1"),
    )
    monitor = take(watching(tmp_path, QUIET), second, first)
    waiting = snapshot(monitor, NOON + seconds(100)).waiting
    assert [(row.run_id, row.waits_s) for row in waiting] == [("r1", 100), ("r2", 60)]
    first.wait(90).approved("r1.1")
    monitor.take(first.events[-1])
    assert [run.run_id for run in monitor.moment(NOON + seconds(100)).waiting] == ["r2"]
    counted = monitor.store.durations("approval_ms", "agent", "triage", FIVE, NOON + seconds(100))
    assert counted == {90_000: 1}


def test_a_retry_is_counted_for_the_tool_that_failed(tmp_path: Path) -> None:
    run = Run("r1").begins().starts("r1.2").broke("r1.2").retries("r1.2")
    monitor = take(watching(tmp_path, QUIET), run)
    assert monitor.store.total("retries", "tool", "files.read", FIVE, NOON) == 1
    assert monitor.store.total("tool_timeouts", "tool", "files.read", FIVE, NOON) == 1


def test_a_run_seen_from_its_middle_is_known_by_its_later_events(tmp_path: Path) -> None:
    run = Run("r1", agent="writer").begins().asks("r1.1").answered("r1.1", 5)
    monitor = watching(tmp_path, QUIET)
    for event in run.events[2:]:
        monitor.take(event)
    assert monitor.store.subjects("model_calls", "agent") == ["writer"]
    assert monitor.runs.gaps == 0


def test_a_hole_in_a_run_is_noticed(tmp_path: Path) -> None:
    run = Run("r1").begins().asks("r1.1").answered("r1.1", 5)
    monitor = watching(tmp_path, QUIET)
    for event in (run.events[0], run.events[3]):
        monitor.take(event)
    assert monitor.runs.gaps == 1


def test_a_dead_letter_written_twice_counts_once(tmp_path: Path) -> None:
    letter = DeadLetter(
        topic="runs.requests", partition=1, offset=7, time=NOON, code="truncated", reason="", size=3
    )
    monitor = watching(tmp_path, QUIET)
    monitor.take_letter(letter)
    monitor.take_letter(letter)
    assert monitor.store.total("dead_letters", "all", "all", FIVE, NOON) == 1
    assert (monitor.tally.dead_letters, monitor.tally.duplicates) == (1, 1)


@pytest.fixture(scope="module")
def alert_rules(tmp_path_factory: pytest.TempPathFactory) -> AlertRules:
    return rules(tmp_path_factory.mktemp("rules"), QUIET)


@given(st.lists(st.integers(0, 2), max_size=60))
def test_whatever_comes_again_changes_nothing(alert_rules: AlertRules, back: list[int]) -> None:
    run = Run("r1").begins().asks("c").answered("c", 40).starts("d").worked("d", 9).completed()
    once, often = Monitor(alert_rules), Monitor(alert_rules)
    take(once, run)
    for number, event in enumerate(run.events):
        often.take(event)
        if number < len(back):
            for earlier in run.events[max(0, number - back[number]) : number + 1]:
                assert not often.take(earlier)
    shown, seen = snapshot(once, NOON).as_json(), snapshot(often, NOON).as_json()
    seen["tally"]["duplicates"] = 0
    assert shown == seen
    assert isinstance(run.events[-1].fact, j.RunCompleted)


def test_a_queue_is_counted_from_the_request_by_whatever_clock_it_had(tmp_path: Path) -> None:
    late, ahead = Run("late").begins(), Run("ahead").begins()
    for run, asked in ((late, NOON - seconds(8)), (ahead, NOON + seconds(8))):
        accepted = run.events[0].fact
        assert isinstance(accepted, j.RunCreated)
        request = accepted.request.model_copy(update={"requested_at": asked})
        first = accepted.model_copy(update={"request": request})
        run.events[0] = Event(run.events[0].meta, first)
    monitor = take(watching(tmp_path, QUIET), late, ahead)
    found = monitor.store.durations("queue_ms", "all", "all", FIVE, NOON + seconds(10))
    assert found == {8000: 1, 0: 1}


def test_who_is_asked_is_said_with_the_wait_and_with_its_alert(tmp_path: Path) -> None:
    run = Run("r1").begins().asks_person("r1.1")
    step = j.WaitEscalated(
        call_id="r1.1", step=2, steps=3, asks=("role/duty",), until=NOON + seconds(600)
    )
    run.add(step)
    text = QUIET + (
        "\nrules:\n  - {name: waits, value: oldest_wait_s, by: tenant, above: 60, "
        "severity: ticket, summary: too long}\n"
    )
    monitor = take(watching(tmp_path, text), run)
    (row,) = snapshot(monitor, NOON + seconds(100)).waiting
    asks = "step 2 of 3, asks role/duty until 2026-"
    assert row.asks is not None
    assert row.asks.startswith(asks)
    (raised,) = monitor.evaluate(NOON + seconds(100))
    assert isinstance(raised, AlertRaised)
    assert raised.summary.startswith(f"too long; r1 {asks}")
    run.wait(90).approved("r1.1")
    monitor.take(run.events[-1])
    assert monitor.runs.live["r1"].asks() is None


def test_a_run_that_a_person_holds_waits_for_them(tmp_path: Path) -> None:
    run = Run("r1").begins()
    run.add(j.RunTakenOver(request_id="t", reason="", by="ann"))
    monitor = take(watching(tmp_path, QUIET), run)
    (row,) = snapshot(monitor, NOON + seconds(100)).waiting
    assert row.asks == "held by ann"
    run.add(j.RunHandedBack(by="ann", reason=""))
    monitor.take(run.events[-1])
    assert snapshot(monitor, NOON + seconds(100)).waiting == ()
