"""What the time stamps of a broker show of the clock of whoever reads them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from runfold.infra.clock.stamps import WINDOW_S, Stamps
from runfold.infra.clock.telling import Teller, far_off
from tests.infra.test_clock import MINUTE, TWO_HOURS, Machine


def stamps_of(machine: Machine) -> Stamps:
    return Stamps(machine.wall, machine.elapsed)


def test_without_records_nothing_is_known() -> None:
    stamps = stamps_of(Machine())
    assert (stamps.ahead(), stamps.suspicion()) == (None, "")


def test_a_stamp_of_the_future_shows_at_once_that_the_clock_is_behind() -> None:
    machine = Machine()
    stamps = stamps_of(machine)
    stamps.saw((machine.time + 20 * MINUTE).timestamp())
    assert stamps.ahead() == -1200
    assert "at least 20 minutes behind the broker's" in stamps.suspicion()


def test_old_requests_are_no_sign_before_minutes_went_by_without_a_young_one() -> None:
    machine = Machine()
    stamps = stamps_of(machine)
    for _ in range(3):
        assert stamps.suspicion() == ""
        stamps.saw((machine.time - TWO_HOURS).timestamp())
        machine.passes(MINUTE)
    assert "120 minutes or more before this machine's" in stamps.suspicion()
    stamps.saw(machine.time.timestamp())
    assert (stamps.ahead(), stamps.suspicion()) == (0, "")


def test_what_was_seen_is_no_evidence_for_long_and_none_after_the_clock_was_set() -> None:
    machine = Machine()
    stamps = stamps_of(machine)
    stamps.saw(machine.time.timestamp())
    machine.is_set(TWO_HOURS)
    assert stamps.ahead() is None
    stamps.saw(machine.time.timestamp())
    machine.passes(timedelta(seconds=WINDOW_S + 120))
    assert stamps.ahead() is None


def test_how_much_is_kept_is_bounded() -> None:
    machine = Machine()
    stamps = stamps_of(machine)
    for _ in range(5000):
        machine.passes(timedelta(seconds=7))
        stamps.saw(machine.time.timestamp())
    assert len(stamps._least) <= WINDOW_S / 60 + 1


def test_what_is_wrong_is_said_at_once_every_hour_and_when_it_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    machine = Machine()
    teller = Teller("over", machine.elapsed)
    caplog.set_level("INFO")
    teller.tell("")
    for _ in range(121):
        teller.tell("wrong")
        machine.passes(MINUTE)
    teller.tell("")
    teller.tell("")
    assert caplog.messages == ["wrong"] * 3 + ["over"]


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (timedelta(minutes=4), ""),
        (timedelta(minutes=-4), ""),
        (TWO_HOURS, "2 hours ahead of this machine's clock.*agrees again in 10 hours"),
        (timedelta(days=-730), "730 days behind .*agrees again in 7300 days.*restart the run proc"),
    ],
)
def test_a_time_that_is_far_off_is_said_with_what_to_do(ahead: timedelta, said: str) -> None:
    sentence = far_off(ahead)
    assert bool(sentence) is bool(said)
    assert re.search(said, sentence)
