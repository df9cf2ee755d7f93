"""A lane's time: what its metrics show and its log says where a clock is wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runfold.processors.engine.kafka.lane_clock import LaneClock
from runfold.processors.engine.metrics import AHEAD, AHEAD_OF_BROKER, LaneMetrics
from tests.infra.test_clock import MINUTE, TWO_HOURS, Machine

YEARS = timedelta(days=2000)


def clock_of(machine: Machine) -> LaneClock:
    return LaneClock(97, LaneMetrics(97), machine.wall, machine.elapsed)


def test_a_lane_that_began_years_behind_says_how_long_that_lasts_and_what_to_do(
    caplog: pytest.LogCaptureFixture,
) -> None:
    machine = Machine()
    clock = clock_of(machine)
    clock.look()
    assert caplog.messages == []
    machine.is_set(YEARS)
    clock.look()
    clock.look()
    (said,) = caplog.messages
    assert "2000 days behind this machine's clock" in said
    assert "restart the run processor" in said
    assert AHEAD("97")._value.get() == -YEARS.total_seconds()


def test_what_it_says_to_do_helps() -> None:
    machine = Machine()
    machine.is_set(YEARS)
    assert clock_of(machine).now() == machine.time


def test_a_machine_whose_clock_is_behind_the_broker_s_is_told_by_the_first_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    machine = Machine()
    clock = clock_of(machine)
    stamp = int((machine.time + TWO_HOURS).timestamp() * 1000)
    clock.arrived(stamp)
    clock.look()
    assert "at least 120 minutes behind the broker's" in caplog.messages[0]
    assert AHEAD_OF_BROKER("97")._value.get() == -7200
    assert clock.newest_request_ms == stamp


def test_what_stands_for_unreadable_records_is_no_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    machine = Machine()
    clock = clock_of(machine)
    for _ in range(9):
        clock.arrived(0)
        machine.passes(MINUTE)
        clock.look()
    assert caplog.messages == []
