"""Fits, percentiles, and how long ago something was."""

from __future__ import annotations

import pytest

from benchmarks.support.lag import Look, seconds_behind
from benchmarks.support.trend import ages, an_hour, percentile, second_half


def test_a_line_that_rises_is_told_an_hour() -> None:
    assert an_hour([(s, 100 + 2 * s) for s in (0.0, 10.0, 20.0)]) == pytest.approx(7200)
    assert an_hour([(0.0, 5.0), (10.0, 5.0)]) == 0


@pytest.mark.parametrize("points", [[], [(3.0, 7.0)], [(3.0, 7.0), (3.0, 9.0)]])
def test_where_there_is_no_slope_nothing_grows(points: list[tuple[float, float]]) -> None:
    assert an_hour(points) == 0


def test_the_second_half_is_one_of_time_not_of_points() -> None:
    points = [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0), (60.0, 4.0), (100.0, 5.0)]
    assert second_half(points) == [(60.0, 4.0), (100.0, 5.0)]
    assert second_half([]) == []


def test_percentiles() -> None:
    values = [float(n) for n in range(101)]
    assert (percentile(values, 50), percentile(values, 99)) == (50, 99)
    assert percentile([4.0], 99) == 4
    assert percentile([], 50) == 0


def test_a_reader_is_as_old_as_the_log_s_end_was_where_it_stands() -> None:
    at, ends = [0.0, 1.0, 2.0, 3.0, 4.0], [0, 100, 200, 200, 200]
    # At 2 s it has what the log had at half a second; at 3 s what it had at 1.5 s.
    assert ages(at, ends, [0, 100, 50, 150, 200]) == [0, 0, 1.5, 1.5, 0]


def test_a_log_that_stood_still_makes_nobody_late() -> None:
    # Nothing came for 100 s: what the reader lacks is as old as what came then, not as the pause.
    assert ages([0.0, 100.0, 101.0], [10, 10, 20], [10, 10, 15])[2] == pytest.approx(0.5)


def test_what_was_there_before_the_first_look_counts_from_then() -> None:
    assert ages([5.0, 7.0], [100, 100], [40, 60]) == [0, 2]


def test_looks_are_told_in_seconds() -> None:
    looks = [Look(0.0, 10, 0), Look(1.0, 110, 50), Look(2.0, 110, 0)]
    assert seconds_behind(looks) == [0, 0.5, 0]
