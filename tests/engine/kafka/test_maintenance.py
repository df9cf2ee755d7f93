"""What a lane writes besides decisions, and when."""

from __future__ import annotations

from datetime import datetime, timedelta

from runfold.events.records.operations import RestorePoint
from runfold.processors.engine.core.partition_state import PartitionState
from runfold.processors.engine.kafka.maintenance import Maintenance
from tests.engine.host import config
from tests.engine.lab import Lab
from tests.engine.toys import topics
from tests.engine.toys.inputs import CODEC
from tests.engine.toys.job import JOBS, NOW, Job, request


def maintenance() -> Maintenance[Job]:
    return Maintenance(
        config("nowhere:1", 4, note_after=10, note_every=5.0, hint_every=2.0), JOBS, CODEC, 0, 0
    )


def test_positions_are_noted_after_many_inputs_without_an_event() -> None:
    keep = maintenance()
    keep.passed(9, 1.0)
    assert not keep.must_note(1.0)
    keep.passed(1, 1.0)
    assert keep.must_note(1.0)
    keep.noted()
    assert not keep.must_note(100.0)


def test_positions_are_noted_some_seconds_after_an_input_without_an_event() -> None:
    keep = maintenance()
    keep.passed(1, 10.0)
    assert not keep.must_note(14.9)
    assert keep.must_note(15.0)


def test_the_restore_point_is_the_first_event_of_the_oldest_live_run() -> None:
    lab = Lab()
    lab.take(request("job-1"))
    lab.take(request("job-2", placement="pool"))
    lab.take(request("job-3"))
    keep = maintenance()
    assert keep.hint(lab.partition_state, 1.9, NOW) is None
    message = keep.hint(lab.partition_state, 2.0, NOW)
    assert message is not None
    assert (message.topic, message.key) == (topics.RESTORE, "0")
    point = CODEC.decode(topics.RESTORE, message.value or b"")
    assert isinstance(point, RestorePoint)
    assert point.journal_offset == lab.partition_state.live["job-2"].first_offset == 5
    assert [(p.topic, p.offset) for p in point.positions] == [(topics.REQUESTS, 3)]


def test_an_unchanged_restore_point_is_not_written_again() -> None:
    lab = Lab()
    lab.take(request("job-1"))
    keep = maintenance()
    assert keep.hint(lab.partition_state, 2.0, NOW) is not None
    assert keep.hint(lab.partition_state, 4.0, NOW) is None
    lab.take(request("job-2"))
    assert keep.hint(lab.partition_state, 4.0, NOW) is None
    assert keep.hint(lab.partition_state, 6.0, NOW) is not None


def test_ends_are_not_forgotten_because_clocks_are_ahead_for_a_while() -> None:
    state = PartitionState[Job](ended={"job-1": _ms(NOW)})
    ahead = NOW + timedelta(days=3650)
    maintenance().forget(state, _ms(ahead), NOW)
    assert list(state.ended) == ["job-1"]
    maintenance().forget(state, _ms(ahead), NOW + timedelta(hours=2))
    assert not state.ended


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
