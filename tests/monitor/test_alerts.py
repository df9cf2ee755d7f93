"""Raising and clearing: once each, and never clear without proof."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from runfold.events import run as j
from runfold.events.records.alerts import AlertCleared, AlertRaised, Severity
from runfold.events.tenant.values import Asks
from runfold.events.values import RunStatus
from runfold.processors.monitor.core.alerts import Said
from runfold.processors.monitor.core.monitor import Monitor
from runfold.processors.monitor.rule_files import read_rules
from runfold.processors.monitor.settings import DEFAULT_RULES
from tests.monitor.given import rules, take, watching
from tests.support.builders.timed import NOON, Run, seconds

FAILING = """
hold: 30s
rules:
  - name: model-errors
    value: model_failures / model_calls
    by: model
    window: 5m
    above: 0.5
    minimum: {model_calls: 3}
    severity: page
    summary: a model fails
"""
BURNING = """
hold: 30s
objectives:
  - name: runs-succeed
    target: 0.9
    bad: runs_failed
    total: runs_ended
    minimum: 5
    burn:
      - {short: 1m, long: 10m, rate: 5, severity: ticket}
"""
STUCK = """
hold: 10s
silence: {planning: 60s}
rules:
  - {name: stuck-runs, value: stuck_runs, by: agent, above: 0, severity: page, summary: stuck}
"""


def look(monitor: Monitor, at: datetime) -> list[Said]:
    """Evaluate and put on the topic, as the shell does."""
    says = monitor.evaluate(at)
    for said in says:
        monitor.alerts.apply(said)
    return says


def names(said: list[Said]) -> list[tuple[str, str]]:
    return [(type(each).__name__, each.alert_id) for each in said]


def failures(number: int, at: datetime = NOON, prefix: str = "r") -> list[Run]:
    runs = []
    for n in range(number):
        run = Run(f"{prefix}{n}", at=at).begins().asks("1").model_failed("1")
        runs.append(run.failed())
    return runs


def test_an_alert_is_raised_once_with_the_runs_that_prove_it(tmp_path: Path) -> None:
    monitor = take(watching(tmp_path, FAILING), *failures(3))
    (raised,) = look(monitor, NOON)
    assert isinstance(raised, AlertRaised)
    assert (raised.alert_id, raised.severity) == ("model-errors/big/1", Severity.PAGE)
    assert (raised.value, raised.threshold, raised.window_ms) == ("1", "0.5", 300_000)
    assert raised.run_ids == ("r2", "r1", "r0")
    assert look(monitor, NOON + seconds(5)) == []


def test_what_was_not_put_on_the_topic_is_said_again(tmp_path: Path) -> None:
    monitor = take(watching(tmp_path, FAILING), *failures(3))
    assert names(monitor.evaluate(NOON)) == names(monitor.evaluate(NOON + seconds(5)))


def test_too_little_raises_nothing(tmp_path: Path) -> None:
    assert look(take(watching(tmp_path, FAILING), *failures(2)), NOON) == []


def test_it_clears_after_the_hold_and_may_be_raised_again(tmp_path: Path) -> None:
    monitor = take(watching(tmp_path, FAILING), *failures(3))
    look(monitor, NOON)
    out = NOON + timedelta(minutes=5)
    assert look(monitor, out) == []
    assert look(monitor, out + seconds(29)) == []
    (cleared,) = look(monitor, out + seconds(30))
    assert isinstance(cleared, AlertCleared)
    assert (cleared.alert_id, cleared.value) == ("model-errors/big/1", None)
    assert cleared.reason == "nothing of the kind happened in a whole window"
    later = NOON + timedelta(hours=1)
    take(monitor, *failures(3, later, "s"))
    assert names(look(monitor, later)) == [("AlertRaised", "model-errors/big/2")]


def test_the_hold_begins_anew_with_every_relapse(tmp_path: Path) -> None:
    monitor = take(watching(tmp_path, FAILING), *failures(3))
    look(monitor, NOON)
    out = NOON + timedelta(minutes=5)
    look(monitor, out)
    take(monitor, *failures(3, out + seconds(10), "s"))
    assert look(monitor, out + seconds(10)) == []
    again = out + timedelta(minutes=5, seconds=10)
    assert look(monitor, again) == []
    assert look(monitor, again + seconds(29)) == []
    assert len(look(monitor, again + seconds(30))) == 1


def restarted(folder: Path, said: list[Said], covered_from: datetime) -> Monitor:
    """A monitor that comes back: the topic read back, the windows empty so far."""
    monitor = Monitor(rules(folder, FAILING))
    monitor.covered_from = covered_from
    for each in said:
        monitor.alerts.apply(each)
    return monitor


def test_a_restart_raises_nothing_twice(tmp_path: Path) -> None:
    said = look(take(watching(tmp_path, FAILING), *failures(3)), NOON)
    again = take(restarted(tmp_path, said, NOON - timedelta(hours=1)), *failures(3))
    assert look(again, NOON + seconds(5)) == []
    assert list(again.alerts.raised) == [("model-errors", "big")]


def test_a_restart_clears_nothing_before_a_whole_window_is_known(tmp_path: Path) -> None:
    said = look(take(watching(tmp_path, FAILING), *failures(3)), NOON)
    blind = restarted(tmp_path, said, covered_from=NOON)
    for minute in range(5):
        assert look(blind, NOON + timedelta(minutes=minute)) == []
    assert look(blind, NOON + timedelta(minutes=5)) == []
    assert names(look(blind, NOON + timedelta(minutes=5, seconds=30))) == [
        ("AlertCleared", "model-errors/big/1")
    ]


def test_too_little_to_say_keeps_an_alert_raised(tmp_path: Path) -> None:
    monitor = take(watching(tmp_path, FAILING), *failures(3))
    look(monitor, NOON)
    trickle = NOON + timedelta(minutes=4)
    take(monitor, *failures(1, trickle, "s"))
    # One call failed in the window: no proof of health, though too little to raise.
    for minute in range(5, 9):
        assert look(monitor, NOON + timedelta(minutes=minute)) == []
    assert len(monitor.alerts.raised) == 1


def test_the_topic_twice_over_means_the_same(tmp_path: Path) -> None:
    said = look(take(watching(tmp_path, FAILING), *failures(3)), NOON)
    clear = AlertCleared(
        alert_id="model-errors/big/1", rule="model-errors", subject="big", value=None,
        reason="", raised_at=NOON, cleared_at=NOON,
    )  # fmt: skip
    monitor = restarted(tmp_path, [*said, *said, clear, *said], NOON)
    assert monitor.alerts.raised == {}


def test_an_alert_of_a_rule_that_is_gone_is_cleared(tmp_path: Path) -> None:
    said = look(take(watching(tmp_path, FAILING), *failures(3)), NOON)
    monitor = watching(tmp_path, STUCK)
    monitor.alerts.apply(said[0])
    (cleared,) = look(monitor, NOON)
    assert isinstance(cleared, AlertCleared)
    assert cleared.reason == "the rule is not declared any more"


def ended(good: int, bad: int, at: datetime, prefix: str) -> list[Run]:
    runs = [Run(f"{prefix}{n}", at=at).begins().completed() for n in range(good)]
    return runs + [Run(f"{prefix}x{n}", at=at).begins().failed() for n in range(bad)]


def test_a_budget_must_burn_in_both_windows(tmp_path: Path) -> None:
    monitor = take(watching(tmp_path, BURNING), *ended(10, 10, NOON, "a"))
    # 10 of 20 bad is 5 times a budget of a tenth: not more than 5.
    assert look(monitor, NOON) == []
    take(monitor, *ended(0, 1, NOON, "b"))
    (raised,) = look(monitor, NOON)
    assert isinstance(raised, AlertRaised)
    assert (raised.alert_id, raised.subject) == ("runs-succeed 1m/10m/all/1", "all")
    assert (raised.value, raised.threshold) == ("5.238095", "5")
    # The short window is clean again: the long one alone does not hold the alert.
    minute = NOON + seconds(60)
    assert look(monitor, minute) == []
    assert names(look(monitor, minute + seconds(30))) == [
        ("AlertCleared", "runs-succeed 1m/10m/all/1")
    ]


def test_stuck_runs_raise_by_agent_and_clear_when_they_move(tmp_path: Path) -> None:
    lost, well = Run("r1").begins(), Run("r2", agent="writer").begins()
    monitor = take(watching(tmp_path, STUCK), lost, well)
    well.wait(50).asks("1")
    monitor.take(well.events[-1])
    (raised,) = look(monitor, NOON + seconds(61))
    assert isinstance(raised, AlertRaised)
    assert (raised.subject, raised.run_ids, raised.window_ms) == ("triage", ("r1",), 0)
    lost.wait(62).completed()
    monitor.take(lost.events[-1])
    assert look(monitor, NOON + seconds(63)) == []
    (cleared,) = look(monitor, NOON + seconds(73))
    assert isinstance(cleared, AlertCleared)
    assert cleared.value == "0"


@pytest.mark.parametrize(("answered", "raised"), [(True, []), (False, ["stuck-runs/triage/1"])])
def test_a_run_that_its_tenant_let_wait_is_not_stuck_for_weeks(
    answered: bool, raised: list[str]
) -> None:
    """Where the tenant did not answer it is: nobody said that it is to wait."""
    monitor = Monitor(read_rules([DEFAULT_RULES]))
    monitor.covered_from = NOON - timedelta(days=1)
    asks = None if answered else Asks(run_id="r1", user_id="u1", agent="triage")
    queued = j.RunQueued(reason="the budget of the month is used", asks=asks, position=3)
    take(monitor, Run("r1").begins().add(queued, RunStatus.QUEUED))

    assert [each.alert_id for each in look(monitor, NOON + timedelta(days=20))] == raised


def test_what_a_brake_stops_or_hands_over_raises_an_alert_of_the_default_rules() -> None:
    monitor = Monitor(read_rules([DEFAULT_RULES]))
    monitor.covered_from = NOON - timedelta(days=1)
    thinks, hands_over = (
        j.BrakeApplied(pattern="same_calls", action=action, reason="")
        for action in (j.BrakeAction.THINK_AGAIN, j.BrakeAction.HAND_OVER)
    )
    take(monitor, Run("r1").begins().add(thinks))
    assert names(look(monitor, NOON + seconds(1))) == []
    take(monitor, Run("r2").begins().wait(1).add(hands_over))
    (raised,) = names(look(monitor, NOON + seconds(2)))
    assert raised[0] == "AlertRaised"
    assert raised[1].startswith("brakes/triage")
