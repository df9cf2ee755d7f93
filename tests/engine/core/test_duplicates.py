"""Repeated inputs change nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runfold.processors.engine.core.inputs import Received
from tests.engine.lab import Lab
from tests.engine.toys import topics
from tests.engine.toys.inputs import CODEC
from tests.engine.toys.job import NOW, request, result


@pytest.mark.parametrize("restarted", [True, False])
@pytest.mark.parametrize("placement", ["pool", "local"])
def test_a_repeated_request_starts_nothing_for_a_live_or_an_ended_run(
    placement: str, restarted: bool
) -> None:
    lab = Lab()
    lab.take(request("job-1", placement=placement))
    before = lab.types("job-1")
    if restarted:
        lab.restart()
        lab.settle()
    lab.take(request("job-1", placement=placement), request("job-1", placement=placement))
    assert lab.types("job-1") == before
    assert lab.dead() == []


def test_two_requests_for_one_run_in_one_batch_start_it_once() -> None:
    lab = Lab()
    lab.take(request("job-1"), request("job-1"))
    assert lab.types("job-1").count("JobQueued") == 1


def test_a_result_for_a_call_that_is_not_open_changes_nothing() -> None:
    lab = Lab()
    lab.take(request("job-1", steps=2, placement="pool"))
    lab.take(result("job-1", "job-1.2"), result("job-1", "job-1.2"))
    assert lab.types("job-1").count("StepAdvanced") == 3


def test_an_input_below_the_position_is_not_taken_again() -> None:
    lab = Lab()
    lab.take(request("job-1", placement="pool"))
    again = Received(
        topics.REQUESTS, 0, b"job-2", CODEC.encode(topics.REQUESTS, request("job-2")), (), 0
    )
    outcome = lab._fold.take([again], lab.partition_state, NOW)
    assert not outcome.writes
    assert outcome.positions == {topics.REQUESTS: 1}


def test_inputs_are_not_taken_again_after_a_restart() -> None:
    lab = Lab(work=None)
    lab.take(request("job-1"), request("job-2", placement="pool"))
    lab.take(result("job-2", "job-2.1"))
    lab.restart()
    assert lab.partition_state.positions == {topics.REQUESTS: 2, topics.RESULTS: 1}
    assert set(lab.partition_state.live) == {"job-1"}


def test_ended_runs_are_forgotten_oldest_first() -> None:
    lab = Lab()
    lab.take(request("job-1"))
    lab.now += timedelta(minutes=1)
    lab.take(request("job-2"))
    first = lab.partition_state.ended["job-1"]
    lab.partition_state.forget_ended(first)
    assert list(lab.partition_state.ended) == ["job-1", "job-2"]
    lab.partition_state.forget_ended(first + 1)
    assert list(lab.partition_state.ended) == ["job-2"]
