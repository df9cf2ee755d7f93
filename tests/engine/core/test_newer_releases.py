"""What a newer release began or continued is left alone by an older one, and is whole after it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from runfold.events.errors import WireCode, WireError
from runfold.events.records.operations import PositionNoted
from runfold.processors.engine.core.history import BrokenChain, NewerJournal
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
    with pytest.raises(BrokenChain, match=r"offset 6 a record that cannot be read \(cut\)"):
        rebuilt(lab, damaged)
    with pytest.raises(BrokenChain, match="an event cannot be read: cut"):
        rebuilt(lab, replaced(damaged, peeks=True))


def replaced(older: Older, *, peeks: bool) -> Older:
    found = Older(*older.unknown, peeks=peeks)
    found.error = older.error
    return found


@pytest.mark.parametrize("key", [None, b"", b"\xff\xfe"])
@pytest.mark.parametrize("code", ["unknown_schema", "wrong_topic", "not_framed"])
def test_a_record_of_no_one_aggregate_is_named_and_cannot_be_left_out(
    key: bytes | None, code: WireCode
) -> None:
    strange = Older(b"strange")
    strange.error = WireError(code, "nobody knows it")
    rebuild = Rebuild(JOBS, strange)
    with pytest.raises(
        BrokenChain, match=r"jobs.events has at offset 7 .*\(nobody knows it\)"
    ) as e:
        rebuild.journal(7, key, b"strange")
    assert isinstance(e.value, NewerJournal) == (code != "not_framed")


def test_a_note_of_the_journal_in_a_newer_form_stops_its_lane_with_a_sentence() -> None:
    note = CODEC.encode(topics.EVENTS, PositionNoted(positions=(), reason="x"))
    for peeks in (False, True):
        rebuild = Rebuild(JOBS, Older(note, peeks=peeks))
        with pytest.raises(NewerJournal, match="use the release that wrote it"):
            rebuild.journal(0, None, note)


def test_an_event_with_a_field_that_is_not_known_here_is_a_newer_release_s() -> None:
    lab, value = newer()

    class Shared(Older):
        """With a registry that all releases share, such an event is read without the field."""

        def _need(self, value: bytes | None) -> None:
            pass

        def beyond(self, value: bytes) -> str:
            return "JobTold.loudly" if value in self.unknown else ""

    state = rebuilt(lab, Shared(value))
    assert (list(state.live), state.newer) == (["job-2"], {"job-1": 0})


def test_a_key_that_is_no_text_is_nobodys_as_long_as_the_event_says_whose_it_is() -> None:
    lab, _ = newer()
    rebuild = Rebuild(JOBS, CODEC)
    for entry in lab.entries(topics.EVENTS):
        rebuild.journal(entry.offset, b"\xff", entry.value or b"")
    assert list(rebuild.finish().live) == ["job-1", "job-2"]


def test_copies_that_are_a_newer_release_s_or_nobodys_keep_nothing_from_opening() -> None:
    lab = Lab()
    lab.take(request("job-1", placement="pool"), request("job-2", placement="pool"))
    lab.now += IDLE
    assert lab.park(IDLE) == 2
    copies = {(entry.key or b"").decode(): entry.value for entry in lab.entries(topics.PARKED)}
    first = next(value for key, value in copies.items() if key.startswith("job-1"))
    rebuild = Rebuild(JOBS, Older(first or b""))
    for key, value in {**copies, "nobody's": b"x", "": b"y", "z/x": b"z"}.items():
        rebuild.parked(key, value)
    rebuild.parked_done()
    state = rebuild.finish()
    assert (list(state.live), list(state.newer)) == (["job-2"], ["job-1"])


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
