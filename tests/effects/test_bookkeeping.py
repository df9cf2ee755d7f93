"""What may be committed, which call is made, and when a consumer stands still."""

from __future__ import annotations

from itertools import permutations

import pytest

from processors.effects.ledger import Ledger
from processors.effects.open_calls import OpenCalls, Place
from processors.effects.progress import Progress

OFFSETS = (3, 4, 7, 8)  # transaction markers leave gaps


@pytest.mark.parametrize("order", list(permutations(OFFSETS)))
def test_only_a_contiguous_prefix_may_be_committed(order: tuple[int, ...]) -> None:
    ledger = Ledger(0)
    for offset in OFFSETS:
        ledger.take(offset)
    done: set[int] = set()
    for offset in order:
        ledger.done(offset)
        done.add(offset)
        prefix = [o for n, o in enumerate(OFFSETS) if done >= set(OFFSETS[: n + 1])]
        assert ledger.to_commit() == (prefix[-1] + 1 if prefix else None)


def test_a_commit_that_failed_is_due_again() -> None:
    ledger = Ledger(0)
    ledger.take(0)
    ledger.done(0)
    assert ledger.to_commit() == 1
    ledger.committed(1)
    assert ledger.to_commit() is None
    ledger.committed(None)
    assert ledger.to_commit() == 1


def test_a_call_asked_for_twice_is_made_once_and_answers_both_records() -> None:
    calls, ledger = OpenCalls(), Ledger(0)
    assert calls.add(("r.1", 1), Place(ledger, 0))
    assert not calls.add(("r.1", 1), Place(ledger, 1))
    assert [place.offset for place in calls.answered(("r.1", 1))] == [0, 1]
    assert len(calls) == 0


def test_another_attempt_is_another_call() -> None:
    calls, ledger = OpenCalls(), Ledger(0)
    assert calls.add(("r.1", 1), Place(ledger, 0))
    assert calls.add(("r.1", 2), Place(ledger, 1))


def test_a_queued_call_of_a_lost_partition_is_forgotten_and_may_come_again() -> None:
    calls, lost, again = OpenCalls(), Ledger(0), Ledger(0)
    calls.add(("r.1", 1), Place(lost, 0))
    lost.live = False
    assert not calls.wanted(("r.1", 1))
    assert calls.add(("r.1", 1), Place(again, 0))
    assert calls.wanted(("r.1", 1))


def test_a_call_of_a_lost_partition_that_came_back_is_still_wanted() -> None:
    calls, lost, again = OpenCalls(), Ledger(0), Ledger(0)
    calls.add(("r.1", 1), Place(lost, 0))
    lost.live = False
    calls.add(("r.1", 1), Place(again, 0))
    assert calls.wanted(("r.1", 1))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_partition_that_stands_still_before_its_end_is_a_stall() -> None:
    clock = Clock()
    progress = Progress(10, clock)
    progress.read(0, 5)
    clock.now = 11
    assert progress.stalled([0], lambda _partition: 9) == []
    clock.now = 22
    assert progress.stalled([0], lambda _partition: 9) == [0]


def test_a_partition_read_to_its_end_is_no_stall() -> None:
    clock = Clock()
    progress = Progress(10, clock)
    progress.read(0, 9)
    for now in (11, 22, 33):
        clock.now = now
        assert progress.stalled([0], lambda _partition: 9) == []


def test_a_partition_that_moves_between_two_checks_is_no_stall() -> None:
    clock = Clock()
    progress = Progress(10, clock)
    progress.read(0, 5)
    clock.now = 11
    progress.stalled([0], lambda _partition: 9)
    progress.read(0, 6)
    clock.now = 22
    assert progress.stalled([0], lambda _partition: 9) == []
