"""What the samples of a soak come to, and runs that are asked for when they are due."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from benchmarks.soak import summary
from benchmarks.soak.summary import Sample
from benchmarks.support.steady import Open, Stream, keep_open


def samples(*memory: float, behind: int = 3) -> list[Sample]:
    return [
        Sample(10.0 * n, {"bench": mb}, {"bench": 0.5}, 2, behind + n, n, 1.0, 2.0, 30.0, 60.0)
        for n, mb in enumerate(memory)
    ]


def test_memory_that_has_settled_grows_nothing() -> None:
    found = summary.memory(samples(50, 80, 90, 100, 100, 100))
    assert found["bench"] == {
        "first_mb": 50,
        "last_mb": 100,
        "mb_an_hour": 0,
        "cores": 0.5,
    }


def test_memory_that_leaks_is_told_an_hour() -> None:
    # A megabyte every ten seconds.
    assert summary.memory(samples(1, 2, 3, 4, 5, 6))["bench"]["mb_an_hour"] == 360


def test_lag_has_its_most_its_median_and_its_slope() -> None:
    found = summary.lag(samples(1, 1, 1, 1, 1))
    assert found == {"most": 7, "median": 5, "an_hour": 360}


def test_a_process_that_is_missing_from_a_sample_is_told_from_the_others() -> None:
    there = samples(1, 2, 3, 4)
    without = [*there[:3], Sample(30.0, {}, {}, 2, 3, 3, 1.0, 2.0, 30.0, 60.0)]
    assert summary.memory(without)["bench"]["last_mb"] == 3


def test_a_soak_without_samples_says_nothing() -> None:
    assert summary.memory([]) == {}
    assert summary.lag([]) == {"most": 0, "median": 0, "an_hour": 0}


def test_a_run_s_time_begins_when_it_was_due() -> None:
    runs = Open()
    runs.add("a", 1.0)
    runs.add("b", 1.5)
    runs.end("a", 1.25)
    assert (runs.count, runs.asked, runs.completed) == (1, 2, 1)
    assert runs.taken() == [250]
    assert runs.taken() == []


def test_a_run_that_ends_twice_is_strange() -> None:
    runs = Open()
    runs.add("a", 1.0)
    runs.end("a", 2.0)
    runs.end("a", 2.0)
    assert (runs.completed, runs.strange) == (1, 1)


class Asker:
    """Ends each run when the next moment passes."""

    def __init__(self, runs: Open) -> None:
        self.runs = runs
        self.due: list[float] = []
        self.most = 0
        self.flushed = 0

    def ask(self, due: float) -> None:
        self.due.append(due)
        self.runs.add(str(len(self.due)), due)
        self.most = max(self.most, self.runs.count)

    def wait(self, seconds: float) -> None:
        for number in range(1, len(self.due) + 1):
            if self.runs.count > 1:
                self.runs.end(str(number), 0.0)

    def flush(self) -> None:
        self.flushed += 1


def test_a_stream_asks_for_each_run_when_it_is_due_and_no_more() -> None:
    asker: Any = Asker(Open())
    stream = Stream(asker, a_second=1000, total=5)
    stream.run()

    assert [b - a for a, b in pairwise(asker.due)] == [pytest.approx(0.001)] * 4
    assert asker.flushed == 1
    assert stream.ended >= asker.due[-1]


def test_a_stream_that_is_stopped_asks_no_more() -> None:
    asker: Any = Asker(Open())
    stream = Stream(asker, a_second=0.001, total=5)
    stream.stop()
    stream.run()

    assert len(asker.due) <= 1


def test_as_many_runs_are_kept_open_as_was_said() -> None:
    runs = Open()
    asker: Any = Asker(runs)
    keep_open(asker, runs, at_once=7, seconds=0.01)

    assert asker.most == 7
    assert asker.flushed == 1
