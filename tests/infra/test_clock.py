"""Clocks that are set while somebody measures by them."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from runfold.infra.clock.jumps import Jumps
from runfold.infra.clock.reading import elapsed, wall
from runfold.infra.clock.steady import FASTER, SLOWER, SteadyClock
from runfold.infra.clock.watching import JUMPS, ClockWatch

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TWO_HOURS = timedelta(hours=2)
MINUTE = timedelta(minutes=1)


class Machine:
    """A machine whose time passes, and whose clock is set, by hand."""

    def __init__(self) -> None:
        self.time = NOON
        self.seconds = 1000.0

    def wall(self) -> datetime:
        return self.time

    def elapsed(self) -> float:
        return self.seconds

    def passes(self, span: timedelta) -> None:
        self.time += span
        self.seconds += span.total_seconds()

    def is_set(self, by: timedelta) -> None:
        self.time += by

    def steady(self) -> SteadyClock:
        return SteadyClock(self.wall, self.elapsed)


def test_while_nobody_sets_the_clock_it_is_the_machines() -> None:
    machine = Machine()
    clock = machine.steady()
    machine.passes(TWO_HOURS)
    assert clock.now() == machine.time


def test_a_jump_ahead_and_back_leaves_no_trace_but_seconds() -> None:
    machine = Machine()
    clock = machine.steady()
    machine.is_set(TWO_HOURS)
    assert clock.now() == NOON
    machine.passes(MINUTE)
    assert clock.now() == NOON + MINUTE * FASTER
    machine.is_set(-TWO_HOURS)
    assert clock.now() == NOON + MINUTE * FASTER
    machine.passes(MINUTE)
    assert clock.now() == machine.time


def test_it_never_goes_back_and_durations_last_what_they_last() -> None:
    machine = Machine()
    clock = machine.steady()
    machine.is_set(-TWO_HOURS)
    assert clock.now() == NOON
    machine.passes(MINUTE)
    assert clock.now() == NOON + MINUTE * SLOWER
    machine.passes(timedelta(days=1))
    assert clock.now() == machine.time


def test_corrections_of_a_moment_are_followed_at_once_but_never_back() -> None:
    machine = Machine()
    clock = machine.steady()
    machine.is_set(timedelta(milliseconds=900))
    assert clock.now() == machine.time
    before = clock.now()
    machine.is_set(timedelta(milliseconds=-900))
    assert clock.now() == before
    machine.passes(timedelta(seconds=1))
    assert clock.now() == machine.time


def test_a_clock_that_is_right_at_last_is_caught_up_with() -> None:
    machine = Machine()
    clock = machine.steady()
    machine.is_set(timedelta(minutes=10))
    for _ in range(99):
        machine.passes(MINUTE)
        assert clock.now() < machine.time
    machine.passes(2 * MINUTE)
    assert clock.now() == machine.time


def test_time_goes_on_from_what_is_on_record(caplog: pytest.LogCaptureFixture) -> None:
    machine = Machine()
    clock = machine.steady()
    clock.not_before(None)
    clock.not_before(NOON - TWO_HOURS)
    assert (clock.now(), caplog.messages) == (NOON, [])
    clock.not_before(NOON + TWO_HOURS)
    assert (clock.now(), clock.ahead()) == (NOON + TWO_HOURS, TWO_HOURS)
    assert "ahead of this machine's clock" in caplog.messages[0]
    machine.passes(MINUTE)
    assert clock.now() == NOON + TWO_HOURS + MINUTE * SLOWER


def test_a_jump_is_seen_once_and_time_that_passes_is_none() -> None:
    machine = Machine()
    jumps = Jumps(machine.wall, machine.elapsed)
    machine.passes(TWO_HOURS)
    assert jumps.look() == 0
    machine.is_set(timedelta(seconds=4))
    assert jumps.look() == 0
    machine.is_set(TWO_HOURS)
    assert jumps.look() == 7200
    assert jumps.look() == 0
    machine.is_set(-TWO_HOURS)
    assert jumps.look() == -7200


def test_a_process_that_stood_still_between_two_readings_has_seen_no_jump() -> None:
    machine = Machine()
    jumps = Jumps(machine.wall, machine.elapsed)

    def stopped() -> datetime:
        read = machine.time
        machine.passes(MINUTE)
        return read

    jumps._wall = stopped
    assert jumps.look() == 0
    jumps._wall = machine.wall
    assert jumps.look() == 0


def test_a_jump_is_said_in_the_log_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    machine = Machine()
    watch = ClockWatch(Jumps(machine.wall, machine.elapsed))
    before = JUMPS("back")._value.get()
    with caplog.at_level(logging.WARNING):
        watch.look()
        machine.is_set(-TWO_HOURS)
        watch.look()
        watch.look()
    assert [said.split(":")[0] for said in caplog.messages] == [
        "the machine's clock was set back by 7200 s"
    ]
    assert JUMPS("back")._value.get() == before + 1


def test_the_real_clocks_agree() -> None:
    assert Jumps().look() == 0
    assert wall().tzinfo is UTC
    assert elapsed() <= elapsed()
