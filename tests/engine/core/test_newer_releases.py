"""What a newer release began or continued is left alone by an older one, and is whole after it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from runfold.events.errors import WireError
from runfold.processors.engine.core.history import BrokenChain
from runfold.processors.engine.core.partition_state import PartitionState
from runfold.processors.engine.core.rebuild import Rebuild
from tests.engine.lab import Lab
from tests.engine.toys import topics
from tests.engine.toys.inputs import CODEC
from tests.engine.toys.job import JOBS, Job, control, request
from tests.engine.toys.job_records import CancelJob, TellJob

IDLE = timedelta(minutes=1)


class Older:
    """A codec that lacks the schema of some events, at the first look or only where all is read."""

    def __init__(self, *unknown: bytes, peeks: bool = False) -> None:
        self.unknown = unknown
        self.peeks = peeks
        self.error = WireError("unknown_schema", "No schema has the id 99.")

    def __getattr__(self, name: str) -> Any:
        return getattr(CODEC, name)

    def peek(self, value: bytes) -> Any:
        if not self.peeks:
            self._need(value)
        return CODEC.peek(value)

    def decode(self, topic: str, value: bytes | None) -> Any:
        self._need(value)
        return CODEC.decode(topic, value)

    def _need(self, value: bytes | None) -> None:
        if value in self.unknown:
            raise self.error


def newer() -> tuple[Lab, bytes]:
    """Two jobs, of which an event of the first is a newer release's."""
    lab = Lab()
    lab.take(request("job-1", placement="pool"), request("job-2", placement="pool"))
    lab.take(control(TellJob, "job-1", text="hello"))
    (value,) = [e.value for e in lab.entries(topics.EVENTS) if (e.key, e.offset) == (b"job-1", 6)]
    assert value is not None
    return lab, value


def rebuilt(lab: Lab, codec: Any) -> PartitionState[Job]:
    rebuild = Rebuild(JOBS, codec)
    for entry in lab.entries(topics.EVENTS):
        rebuild.journal(entry.offset, entry.key, entry.value or b"")
    return rebuild.finish()


@pytest.mark.parametrize("peeks", [False, True])
def test_others_are_restored_and_the_newer_one_keeps_its_place(*, peeks: bool) -> None:
    lab, value = newer()
    state = rebuilt(lab, Older(value, peeks=peeks))
    assert (list(state.live), state.newer) == (["job-2"], {"job-1": 0})
    assert state.live["job-2"].state == lab.partition_state.live["job-2"].state
    # The restore point does not pass by what a newer release has to read.
    assert state.restore_offset() == 0


def test_what_comes_for_it_is_kept_and_nothing_is_decided() -> None:
    lab, value = newer()
    lab._codec = Older(value)  # type: ignore[assignment]
    lab.restart()
    before = lab.types("job-1")
    lab.take(
        control(CancelJob, "job-1", reason="x"),
        request("job-1"),
        control(TellJob, "job-2", text="x"),
    )
    # The first is what the event decided that cannot be read: nobody can tell, and it does no harm.
    letters = [(dead.code, dead.topic, dead.key) for dead in lab.dead()]
    assert letters == 2 * [("newer_release", topics.CONTROLS, b"job-1")]
    assert lab.types("job-1") == before
    assert lab.types("job-2")[-1] == "JobTold"


def test_the_newer_release_goes_on_where_it_was() -> None:
    lab, value = newer()
    before = lab.partition_state.live["job-1"]
    lab._codec = Older(value)  # type: ignore[assignment]
    lab.restart()
    lab.take(control(CancelJob, "job-1", reason="x"))
    lab._codec = CODEC
    lab.restart()
    assert lab.partition_state.live["job-1"] == before
    assert lab.partition_state.newer == {}


def test_an_end_is_read_whatever_came_before_it() -> None:
    lab, value = newer()
    lab.take(control(CancelJob, "job-1", reason="x"))
    assert rebuilt(lab, Older(value)).newer == {}


def test_damage_is_no_newer_release() -> None:
    lab, value = newer()
    damaged = Older(value)
    damaged.error = WireError("truncated", "cut")
    with pytest.raises(WireError, match="cut"):
        rebuilt(lab, damaged)


def test_what_is_parked_of_a_newer_release_waits_too() -> None:
    lab = Lab()
    lab.take(request("job-1", placement="pool"), request("job-2", placement="pool"))
    lab.now += IDLE
    assert lab.park(IDLE) == 2
    first = next(entry.value for entry in lab.entries(topics.EVENTS) if entry.key == b"job-1")
    lab._codec = Older(first or b"")  # type: ignore[assignment]
    lab.restart()
    assert (list(lab.partition_state.live), list(lab.partition_state.newer)) == (
        ["job-2"],
        ["job-1"],
    )
    lab._codec = CODEC
    lab.restart()
    assert list(lab.partition_state.live) == ["job-1", "job-2"]


def test_a_kind_of_event_that_only_a_shared_registry_knows_is_a_newer_release_s() -> None:
    lab, value = newer()
    older = Older(value, peeks=True)
    older.error = WireError("wrong_topic", "jobs.events carries no JobBlessed.")
    state = rebuilt(lab, older)
    assert (list(state.live), state.newer) == (["job-2"], {"job-1": 0})
    # Also where what was read does not begin with its first event, which else breaks the chain.
    for codec in (older, CODEC):
        rebuild = Rebuild(JOBS, codec)
        for entry in lab.entries(topics.EVENTS)[1:]:
            rebuild.journal(entry.offset, entry.key, entry.value or b"")
        if codec is older:
            assert rebuild.finish().newer.keys() == {"job-1"}
        else:
            with pytest.raises(BrokenChain, match="job-1"):
                rebuild.finish()
