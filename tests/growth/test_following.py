"""What the looks at a projector come to."""

from __future__ import annotations

from benchmarks.growth.following import followed, series
from benchmarks.support.lag import Look

LOOKS = [Look(10.0, 0, 0), Look(11.0, 100, 60), Look(12.0, 200, 80), Look(13.5, 200, 0)]


def test_the_most_behind_and_the_time_to_catch_up_are_told() -> None:
    found = followed(LOOKS, runs=4, took=2.0, ended=12.5)

    assert (found.runs, found.runs_per_s, found.records) == (4, 2.0, 200)
    # The oldest that is missing at 12 s was written when the log held 120: at 11.2 s.
    assert (found.most_behind, found.most_behind_s) == (80, 0.8)
    assert found.caught_up_s == 1.0


def test_a_projector_that_was_never_late_takes_no_time_to_catch_up() -> None:
    assert followed(LOOKS, runs=4, took=2.0, ended=13.5).caught_up_s == 0


def test_looks_are_kept_as_seconds_from_the_first() -> None:
    assert series(LOOKS)[1] == [1.0, 60, 0.6]
