"""Counting over sliding windows, to the bucket and to the last digit."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from runfold.processors.monitor.core import windows
from runfold.processors.monitor.core.store import Observation, Store
from runfold.processors.monitor.core.windows import COARSE, Series
from tests.support.builders.timed import NOON, seconds

FIVE = timedelta(minutes=5)
SIX_HOURS = timedelta(hours=6)


def series(kept: timedelta = SIX_HOURS, *, duration: bool = False) -> Series:
    return Series(duration=duration, kept=kept)


def test_a_window_is_its_last_buckets_the_present_one_included() -> None:
    counted = series()
    for offset in (-300, -291, -290, -1, 0, 9):
        counted.add(NOON + seconds(offset), 1, "")
    # 11:55:10 to 12:00:10: what was at -300 and -291 is out.
    assert windows.total(counted.cells(FIVE, NOON)) == 4
    assert windows.total(counted.cells(FIVE, NOON + seconds(10))) == 3


def test_long_windows_are_made_of_five_minutes() -> None:
    counted = series()
    counted.add(NOON - SIX_HOURS, 1, "")
    counted.add(NOON - SIX_HOURS + COARSE, 1, "")
    assert windows.total(counted.cells(SIX_HOURS, NOON)) == 1


def test_late_events_find_their_bucket() -> None:
    counted = series()
    counted.add(NOON, 1, "")
    counted.add(NOON - seconds(200), 1, "")
    assert windows.total(counted.cells(FIVE, NOON)) == 2


def test_money_adds_up_to_the_last_digit() -> None:
    counted = series()
    for _ in range(1000):
        counted.add(NOON, Decimal("0.000000000001"), "")
    counted.add(NOON, Decimal("0.1"), "")
    assert windows.total(counted.cells(FIVE, NOON)) == Fraction(100000001000, 10**12)


@pytest.mark.parametrize(
    ("given", "kept"),
    [(0, 0), (7, 7), (99, 99), (100, 100), (104, 100), (105, 110), (994, 990), (995, 1000),
     (12_345, 12_000), (12_500, 13_000)],
)  # fmt: skip
def test_durations_keep_two_digits(given: int, kept: int) -> None:
    assert windows.rounded(given) == kept


def test_percentiles_are_nearest_rank() -> None:
    counted = {10: 90, 200: 8, 5000: 2}
    assert windows.percentile(counted, 50) == 10
    assert windows.percentile(counted, 90) == 10
    assert windows.percentile(counted, 91) == 200
    assert windows.percentile(counted, 98) == 200
    assert windows.percentile(counted, 99) == 5000
    assert windows.percentile({}, 50) is None
    assert windows.percentile({7: 1}, 99) == 7


def test_proofs_are_the_newest_runs_each_once() -> None:
    counted = series()
    for number in range(12):
        counted.add(NOON - seconds(60), 1, f"old-{number}")
    for name in ("a", "b", "a"):
        counted.add(NOON, 1, name)
    found = windows.proofs(counted.cells(FIVE, NOON), 4)
    assert found == ("a", "b", "old-11", "old-10")


def test_what_no_window_reaches_is_forgotten() -> None:
    counted = series()
    counted.add(NOON, 1, "")
    assert counted.prune(NOON + SIX_HOURS - COARSE)
    assert not counted.prune(NOON + SIX_HOURS + COARSE)
    assert windows.total(counted.cells(SIX_HOURS, NOON)) == 0


def test_names_beyond_the_bound_are_other_and_silent_ones_make_room() -> None:
    store = Store(SIX_HOURS, subjects=2)

    def count(tenant: str, at: timedelta = timedelta(0)) -> None:
        store.add(Observation("retries", NOON + at, 1, {"tenant": tenant}))

    for tenant in ("a", "b", "c", "d", "a"):
        count(tenant)
    assert store.subjects("retries", "tenant") == ["a", "b", "other"]
    assert store.total("retries", "tenant", "a", FIVE, NOON) == 2
    assert store.total("retries", "tenant", "other", FIVE, NOON) == 2
    assert store.total("retries", "all", "all", FIVE, NOON) == 5
    later = timedelta(days=1)
    store.prune(NOON + later)
    count("e", later)
    assert store.subjects("retries", "tenant") == ["e"]


def test_a_metric_is_not_told_apart_by_what_it_does_not_know() -> None:
    store = Store(SIX_HOURS)
    store.add(Observation("runs_created", NOON, 1, {"model": "big", "agent": "triage"}))
    assert store.subjects("runs_created", "model") == []
    assert store.subjects("runs_created", "agent") == ["triage"]
