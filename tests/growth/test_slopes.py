"""How the work of a run grows: records and bytes with its steps, statements not with the batch.

Work is counted, never timed: the same on every machine.
"""

from __future__ import annotations

import tracemalloc
from typing import Any, Self

import pytest

from benchmarks.growth.scripted import ask_for_runs, engine, said
from runfold.events import topics
from runfold.projections.store.reading.folding import PORTION, Folding
from runfold.projections.store.reading.record_batch import RecordBatch
from runfold.projections.store.rows.writing import write
from runfold.projections.view import Rows
from runfold.projections.views import VIEWS
from tests.support.builders.seeded import history


def journal_of(steps: int) -> tuple[str, list[bytes]]:
    """A run that takes so many tool calls, and its events."""
    lane = engine(steps)
    (run_id,) = ask_for_runs(lane, 1)
    lane.settle()
    assert len(lane.entries(topics.COMPLETIONS)) == 1
    return run_id, [entry.value or b"" for entry in lane.entries(topics.EVENTS)]


def growth(small: float, large: float, factor: float) -> float:
    """How much more than in proportion something grew: 1.0 is exactly in proportion."""
    return large / small / factor


def test_events_and_bytes_grow_in_proportion_to_the_steps() -> None:
    ten, hundred, thousand = (journal_of(steps)[1] for steps in (10, 100, 1000))
    assert len(hundred) - len(ten) == 90 * 9
    assert len(thousand) - len(hundred) == 900 * 9

    def size(events: list[bytes]) -> int:
        return sum(map(len, events))

    # What a run costs before its first step makes short ones a little dearer a step.
    assert 0.8 < growth(size(ten), size(hundred), 10) <= 1.0
    assert 0.95 < growth(size(hundred), size(thousand), 10) <= 1.02
    # The last event of a long run is no larger than that of a short one.
    assert max(map(len, thousand)) < max(map(len, ten)) * 1.05


def test_nothing_that_was_said_is_written_again_with_every_step() -> None:
    run_id, events = journal_of(100)
    for call in ("3", "51"):
        for what, times in (("answer", 1), ("arguments", 2)):
            words = said(what, f"{run_id}.{call}").encode()
            # Arguments stand in the answer that proposed them and in the proposal.
            assert sum(event.count(words) for event in events) == times
    results = said("result", f"{run_id}.4").encode()
    assert sum(event.count(results) for event in events) == 1


@pytest.mark.parametrize("steps", [2, 20])
def test_a_parked_run_is_read_back_with_as_many_records_as_it_has_events(steps: int) -> None:
    lane = engine(steps)
    ask_for_runs(lane, 20)
    lane.settle()
    before = len(lane.entries(topics.EVENTS))
    lane.restart()
    # A restore writes nothing: no run is decided again.
    assert len(lane.entries(topics.EVENTS)) == before


def bytes_held_by(live: int) -> int:
    """The memory that a lane holds for so many runs that wait for a person."""
    lane = engine(1, asks=True)
    ask_for_runs(lane, live)
    lane.settle()
    assert len(lane.partition_state.live) == live
    tracemalloc.start()
    try:
        # From the log again: only what a lane would keep is counted.
        lane.restart()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def test_memory_grows_in_proportion_to_the_live_runs() -> None:
    # What is made once, and what caches take, is there after the first time.
    bytes_held_by(110)
    few, more, most = bytes_held_by(20), bytes_held_by(110), bytes_held_by(200)
    # Equal steps, whatever is held besides.
    assert 0.85 < (most - more) / (more - few) < 1.15
    assert (most - few) / 180 < 20_000


class CountingCursor:
    """Counts statements and what they carry, and runs none."""

    def __init__(self) -> None:
        self.statements = 0
        self.bytes = 0

    connection = None

    def execute(self, statement: bytes | str, values: tuple[str, ...]) -> CountingCursor:
        # Whether a table's rows are kept apart is asked once a session.
        if "row_security_active" not in str(statement):
            self.statements += 1
            self.bytes += sum(map(len, values))
        return self

    def fetchone(self) -> tuple[bool]:
        """Return that rows are not kept apart."""
        return (False,)

    def copy(self, _: bytes) -> CountingCursor:
        self.statements += 1
        return self

    def write(self, data: bytes) -> None:
        self.bytes += len(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return


def projected(runs: int) -> CountingCursor:
    """What the projector sends for a batch of so many runs."""
    items = [placed for number in range(runs) for placed in history(number).placed()]
    folding = Folding(list(VIEWS.values()))
    for start in range(0, len(items), PORTION):
        folding.add([*items[start : start + PORTION]])
    batch = RecordBatch(items, {}, {}, folding.rows)
    cursor: Any = CountingCursor()
    assert batch.rows is not None
    for rows in batch.rows.values():
        assert isinstance(rows, Rows)
        write(cursor, rows)
    found: CountingCursor = cursor
    return found


def test_a_batch_takes_as_many_statements_however_long_it_is() -> None:
    few, many = projected(20), projected(200)
    assert few.statements == many.statements <= 10
    assert 0.95 < growth(few.bytes, many.bytes, 10) < 1.05
