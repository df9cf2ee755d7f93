"""Which ends a restored lane remembers, whatever the clocks were, and from where it reads."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from runfold.events.records.operations import RestorePoint
from runfold.processors.engine.core.rebuild import Rebuild
from runfold.processors.engine.kafka.restoring.restore import Restore
from runfold.producers.errors import UnreadableError
from tests.engine.host import config
from tests.engine.toys import topics
from tests.engine.toys.inputs import CODEC
from tests.engine.toys.job import JOBS

HOUR_MS = 3_600_000
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Ends:
    """A partition whose ends were written at given times, and whose requests are all read."""

    def __init__(self, *times_ms: float) -> None:
        self.times_ms = times_ms

    def read(self, topic: str, _partition: int, start: int, end: int) -> Iterator[list[Any]]:
        if topic == topics.COMPLETIONS:
            yield [
                SimpleNamespace(timestamp=lambda at=at: (1, at)) for at in self.times_ms[start:end]
            ]


def horizon(*times_ms: float) -> float:
    """Return how many hours before now ends are remembered."""
    reader: Any = Ends(*times_ms)
    restore = Restore(config("nowhere:1", 1), JOBS, CODEC, 0, lambda: None)
    newest = restore._newest_end(reader, topics.COMPLETIONS, len(times_ms))
    since = restore._horizon(reader, Rebuild(JOBS, CODEC), 0, newest)
    return (time.time() * 1000 - since) / HOUR_MS


def test_ends_of_an_hour_are_remembered_where_nothing_has_ended() -> None:
    assert 1.0 <= horizon() <= 1.2


def test_ends_that_were_written_by_a_clock_behind_are_remembered() -> None:
    now = time.time() * 1000
    assert 3.0 <= horizon(now - 2 * HOUR_MS, now - 2 * HOUR_MS + 1) <= 3.2


def test_a_clock_that_is_ahead_now_forgets_none(monkeypatch: Any) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 7200)
    # All that ended lately did so two hours ago by this clock.
    assert 3.0 <= horizon(now * 1000 - 1000) <= 3.2


def test_ends_that_nobody_can_read_stop_no_lane() -> None:
    class Corrupt(Ends):
        def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[list[Any]]:
            yield from super().read(topic, partition, start, end)
            raise UnreadableError((topic, partition), end, "corrupt")

    restore = Restore(config("nowhere:1", 1), JOBS, CODEC, 0, lambda: None)
    reader: Any = Corrupt(5, 7)
    assert restore._newest_end(reader, topics.COMPLETIONS, 2) == 5


class Points:
    """The topic of restore points, with these values."""

    def __init__(self, *values: bytes | None) -> None:
        self.values = values

    def read(self, _topic: str, _partition: int, start: int, end: int) -> Iterator[list[Any]]:
        yield [SimpleNamespace(value=lambda value=value: value) for value in self.values[start:end]]


def begins(*values: bytes | None) -> int:
    """Return the journal offset from which a lane with these restore points reads."""
    restore = Restore(config("nowhere:1", 1), JOBS, CODEC, 0, lambda: None)
    reader: Any = Points(*values)
    return restore._hint(reader, Rebuild(JOBS, CODEC), len(values))


def test_a_restore_point_that_a_newer_release_wrote_is_passed_by() -> None:
    point = CODEC.encode(
        topics.RESTORE, RestorePoint(partition=0, journal_offset=7, noted_at=NOW, positions=())
    )
    newer = b"\0\x7f\0\0\0of a newer release"
    assert begins(point, None) == 7
    assert begins(point, newer, None, newer) == 7
    # Also where all of the last ones are; the journal from its beginning says as much as any.
    assert begins(point, *(100 * [newer])) == 7
    assert begins(newer, newer) == 0
    assert begins() == 0
