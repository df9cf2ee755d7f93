"""Restore: the same state from the log, and a clear stop where the log contradicts itself."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runfold.events.records.operations import RestorePoint
from runfold.events.values import Position
from runfold.processors.engine.core.history import BrokenChain
from runfold.processors.engine.core.parked_copy import Collector, parked, sleepers, still_wanted
from runfold.processors.engine.core.partition_state import PartitionState
from runfold.processors.engine.core.rebuild import Rebuild
from tests.engine.lab import Lab
from tests.engine.toys import topics
from tests.engine.toys.inputs import CODEC
from tests.engine.toys.job import JOBS, NOW, Job, big, control, request, result
from tests.engine.toys.job_records import CancelJob, TellJob

IDLE = timedelta(minutes=1)


def hello(run_id: str) -> object:
    return control(TellJob, run_id, text="hello")


def rebuilt(lab: Lab, start: int = 0) -> PartitionState[Job]:
    rebuild = Rebuild(JOBS, CODEC)
    for entry in lab.entries(topics.PARKED):
        rebuild.parked((entry.key or b"").decode(), entry.value)
    rebuild.parked_done()
    for entry in lab.entries(topics.EVENTS)[start:]:
        rebuild.journal(entry.offset, entry.key, entry.value or b"")
    return rebuild.finish()


@pytest.mark.parametrize("placement", ["pool", "local"])
def test_a_restart_leaves_the_book_as_it_was_and_open_work_is_done(placement: str) -> None:
    lab = Lab(work=None)
    lab.take(request("job-1", placement=placement), control(TellJob, "job-1", text=""))
    before = lab.partition_state.live["job-1"]
    lab.restart()
    assert lab.partition_state.live["job-1"] == before


def test_open_local_work_is_handed_out_again_under_the_same_call_id() -> None:
    lab = Lab(work=None)
    lab.take(request("job-1", steps=1))
    whole = Lab()
    whole.log = lab.log
    whole.restart()
    whole.settle()
    assert whole.types("job-1")[-1] == "JobCompleted"
    assert whole.events("job-1")[-1].meta.cause == "local/job-1.1/1"


def test_reading_from_the_restore_point_gives_the_same_state() -> None:
    lab = Lab()
    lab.take(request("job-1"), request("job-2"))
    lab.take(request("job-3", placement="pool"))
    start = lab.partition_state.restore_offset()
    assert start == 10
    assert rebuilt(lab, start).live == lab.partition_state.live


def test_a_restore_point_beyond_the_beginning_of_a_live_run_stops_the_lane() -> None:
    lab = Lab()
    lab.take(request("job-1", placement="pool"))
    with pytest.raises(BrokenChain, match="that was read is number 2"):
        rebuilt(lab, 1)


def test_an_end_whose_beginning_is_cut_off_is_no_live_run() -> None:
    lab = Lab()
    lab.take(request("job-1"))
    assert rebuilt(lab, 2).live == {}


def test_a_missing_event_stops_the_lane() -> None:
    lab = Lab()
    lab.take(request("job-1", placement="pool"))
    del lab.log.partition(topics.EVENTS, 0)[1]
    with pytest.raises(BrokenChain, match="from event 1 to event 3"):
        rebuilt(lab)


def test_a_changed_event_stops_the_lane() -> None:
    lab = Lab()
    lab.take(request("job-1", placement="pool"), hello("job-1"))  # type: ignore[arg-type]
    other = Lab()
    other.now += IDLE
    other.take(request("job-1", placement="pool"))
    lab.log.partition(topics.EVENTS, 0)[2] = other.log.partition(topics.EVENTS, 0)[2]
    with pytest.raises(BrokenChain, match="does not name the event before it"):
        rebuilt(lab)


def test_a_hint_tells_where_to_read_and_how_far_the_inputs_were() -> None:
    rebuild = Rebuild(JOBS, CODEC)
    point = RestorePoint(
        partition=0,
        journal_offset=7,
        positions=(Position(topic=topics.REQUESTS, partition=0, offset=3),),
        noted_at=NOW,
    )
    assert rebuild.hint(CODEC.encode(topics.RESTORE, point)) == 7
    assert rebuild.position(topics.REQUESTS) == 3


def parked_lab() -> Lab:
    """A run asleep, its copy written."""
    lab = Lab()
    lab.take(request("job-1", placement="pool"))
    lab.now += IDLE
    assert lab.park(IDLE) == 1
    return lab


def test_a_parked_run_does_not_hold_the_restore_point_back() -> None:
    lab = parked_lab()
    assert lab.partition_state.restore_offset() == 3
    assert rebuilt(lab, 3).live == lab.partition_state.live
    assert lab.park(IDLE) == 0


def test_a_parked_run_that_wakes_goes_on_in_the_journal() -> None:
    lab = parked_lab()
    lab.take(hello("job-1"))  # type: ignore[arg-type]
    assert lab.partition_state.restore_offset() == 3
    assert rebuilt(lab, 3).live == lab.partition_state.live
    assert rebuilt(lab, 0).live == lab.partition_state.live
    lab.restart()
    lab.take(result("job-1", "job-1.1"))
    assert lab.journal().faults(["job-1"]) == []


def test_a_run_parked_again_gets_a_further_part() -> None:
    lab = parked_lab()
    lab.take(hello("job-1"))  # type: ignore[arg-type]
    lab.now += IDLE
    assert lab.park(IDLE) == 1
    assert [entry.key for entry in lab.entries(topics.PARKED)] == [b"job-1/1", b"job-1/4"]
    assert rebuilt(lab, 4).live == lab.partition_state.live


def test_what_happens_while_a_copy_is_made_stays_in_the_journal() -> None:
    lab = Lab()
    lab.take(request("job-1", placement="pool"), request("job-2"))
    (sleeper,) = sleepers(lab.partition_state, lab.now + IDLE, IDLE, 1 << 62, 10)
    lab.take(hello("job-1"))  # type: ignore[arg-type]
    collector = Collector([sleeper], JOBS, CODEC)
    for entry in lab.entries(topics.EVENTS):
        collector.take(entry.offset, entry.key, entry.value)
    (copy,) = collector.copies()
    run = parked(lab.partition_state.live["job-1"], copy)
    assert [len(values) for _, values in copy.parts] == [3]
    assert (run.first_offset, run.parts, run.seq) == (8, (1,), 4)
    lab.partition_state.live["job-1"] = run
    assert not still_wanted(copy, lab.partition_state)


def test_the_runs_that_hold_the_restore_point_back_are_found_oldest_first() -> None:
    lab = Lab()
    for number in range(4):
        lab.take(request(f"job-{number}", placement="pool"))
    assert sleepers(lab.partition_state, lab.now, IDLE, 100, 10) == []
    old = sleepers(lab.partition_state, lab.now, IDLE, 6, 10)
    assert [sleeper.key for sleeper in old] == ["job-0", "job-1", "job-2"]
    idle = sleepers(lab.partition_state, lab.now + IDLE, IDLE, 100, 2)
    assert [sleeper.key for sleeper in idle] == ["job-0", "job-1"]


def test_a_long_copy_is_cut_into_parts_that_fit_a_record() -> None:
    lab = Lab()
    lab.take(request("job-1", placement="pool"), *[big(900_000) for _ in range(5)])
    (sleeper,) = sleepers(lab.partition_state, lab.now, IDLE, 0, 10)
    collector = Collector([sleeper], JOBS, CODEC)
    for entry in lab.entries(topics.EVENTS):
        collector.take(entry.offset, entry.key, entry.value)
    (copy,) = collector.copies()
    assert [first for first, _ in copy.parts] == [1, 6, 8]
    assert [len(values) for _, values in copy.parts] == [5, 2, 1]


def test_a_round_begins_no_further_copy_once_it_holds_enough() -> None:
    lab = Lab()
    for number in range(3):
        lab.take(request(f"job-{number}", placement="pool"), *[big(900_000) for _ in range(number)])
    found = sleepers(lab.partition_state, lab.now, IDLE, 0)
    sizes = []
    for most in (1, 1 << 40):
        collector = Collector(found, JOBS, CODEC, most)
        for entry in lab.entries(topics.EVENTS):
            collector.take(entry.offset, entry.key, entry.value)
        sizes.append([(copy.sleeper.key, copy.size > 0) for copy in collector.copies()])
    # The oldest is always copied, and what is left out is whole in the next round.
    assert sizes == [[("job-0", True)], [(f"job-{n}", True) for n in range(3)]]


def test_all_copies_are_dropped_with_the_end_of_the_run() -> None:
    lab = parked_lab()
    lab.take(hello("job-1"))  # type: ignore[arg-type]
    lab.now += IDLE
    lab.park(IDLE)
    lab.take(control(CancelJob, "job-1", reason=""))
    dropped = {entry.key for entry in lab.entries(topics.PARKED) if entry.value is None}
    assert dropped == {b"job-1/1", b"job-1/4"}
    assert rebuilt(lab, 0).live == {}
    assert rebuilt(lab, 4).live == {}
