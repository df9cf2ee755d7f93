"""A copy ends where it is told, whichever partition is read how far."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from runfold.events import topics
from runfold.events.errors import WireError
from runfold.projections.errors import NotCaughtUp
from runfold.projections.store import copying
from runfold.projections.store.copying import Copy
from runfold.projections.store.reading.record_batch import RecordBatch, TopicPartition
from runfold.projections.view import Unreadable
from runfold.projections.views import VIEWS

_TIME = datetime(2026, 1, 1, tzinfo=UTC)
_ERROR = WireError("invalid", "it says nothing")
_HELD = {(topics.EVENTS, 0): 30, (topics.EVENTS, 1): 9}


class Log:
    """Hands out a partition at a time, more than was asked for, as a fetch does."""

    def __init__(self, *_: object, **__: object) -> None:
        self._at: dict[TopicPartition, int] = {}
        self.reads = 0

    def follow(self, starts: Mapping[TopicPartition, int]) -> None:
        self._at = dict(starts)

    def read(self, _: float) -> RecordBatch:
        self.reads += 1
        for place, at in self._at.items():
            end = min(at + 8, _HELD[place])
            if end > at:
                self._at[place] = end
                found = [
                    Unreadable(_ERROR, *place, offset, _TIME, None, b"")
                    for offset in range(at, end)
                ]
                return RecordBatch(found, {place: at}, {place: end})
        return RecordBatch([], {}, {})


@pytest.fixture
def copy(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(copying, "Reader", Log)
    made: Any = Copy(VIEWS["runs"], "beside", object(), object(), set(_HELD))  # type: ignore[arg-type]
    made.put = []

    def put(_: object, batch: RecordBatch) -> None:
        made.put.extend((item.partition, item.offset) for item in batch.items)

    monkeypatch.setattr(made, "_put", put)
    return made


def test_a_partition_read_beyond_its_end_does_not_hold_up_the_others(copy: Any) -> None:
    copy.advance(None, {(topics.EVENTS, 0): 3, (topics.EVENTS, 1): 9})
    assert sorted(copy.put) == [*((0, n) for n in range(3)), *((1, n) for n in range(9))]
    assert copy._reader.reads < 10


def test_what_was_read_too_early_is_taken_later_and_once(copy: Any) -> None:
    copy.advance(None, {(topics.EVENTS, 0): 3, (topics.EVENTS, 1): 2})
    copy.advance(None, {(topics.EVENTS, 0): 30, (topics.EVENTS, 1): 5})
    assert sorted(copy.put) == [*((0, n) for n in range(30)), *((1, n) for n in range(5))]


def test_a_log_that_ends_too_early_is_told(copy: Any) -> None:
    with pytest.raises(NotCaughtUp, match="runs"):
        copy.advance(None, {(topics.EVENTS, 0): 31})
