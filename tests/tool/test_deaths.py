"""Counts of children that died of a call: bounded, ended by a call that went well, inherited."""

from __future__ import annotations

import os
from pathlib import Path

from runfold.processors.tool.dying.deaths import Deaths


def test_counts_rise_until_they_are_forgotten(tmp_path: Path) -> None:
    with Deaths(tmp_path) as deaths:
        assert [deaths.count("run.1"), deaths.count("run.1"), deaths.count("run.2")] == [1, 2, 1]
        deaths.forget("run.1")
        assert deaths.count("run.1") == 1


def test_another_process_goes_on_counting(tmp_path: Path) -> None:
    first = Deaths(tmp_path)
    first.count("run.1")
    first.count("run.2")
    first.forget("run.2")
    first.__exit__(None, None, None)
    with Deaths(tmp_path) as second:
        assert (second.of("run.1"), second.of("run.2")) == (1, 0)
        assert second.count("run.1") == 2


def test_counts_of_calls_that_never_came_again_do_not_pile_up(tmp_path: Path) -> None:
    with Deaths(tmp_path) as deaths:
        deaths.count("run.1")
        deaths.count("run.2")
    (old,) = [place for place in (tmp_path / "died").iterdir() if place == deaths._place("run.1")]
    os.utime(old, (0, 0))
    with Deaths(tmp_path) as deaths:
        assert (deaths.of("run.1"), deaths.of("run.2")) == (0, 1)
