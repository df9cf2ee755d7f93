"""What may be committed, and which call is made."""

from __future__ import annotations

from itertools import permutations

import pytest

from runfold.processors.effects.pool.offset_tracker import OffsetTracker
from runfold.processors.effects.pool.open_calls import OpenCalls, Place
from runfold.processors.engine.ports import Wish

OFFSETS = (3, 4, 7, 8)  # transaction markers leave gaps


@pytest.mark.parametrize("order", list(permutations(OFFSETS)))
def test_only_a_contiguous_prefix_may_be_committed(order: tuple[int, ...]) -> None:
    tracker = OffsetTracker(0)
    for offset in OFFSETS:
        tracker.take(offset)
    done: set[int] = set()
    for offset in order:
        tracker.done(offset)
        done.add(offset)
        prefix = [o for n, o in enumerate(OFFSETS) if done >= set(OFFSETS[: n + 1])]
        assert tracker.to_commit() == (prefix[-1] + 1 if prefix else None)


def test_a_commit_that_failed_is_due_again() -> None:
    tracker = OffsetTracker(0)
    tracker.take(0)
    tracker.done(0)
    assert tracker.to_commit() == 1
    tracker.committed(1)
    assert tracker.to_commit() is None
    tracker.committed(None)
    assert tracker.to_commit() == 1


def test_a_call_asked_for_twice_is_made_once_and_answers_both_records() -> None:
    calls, tracker = OpenCalls(), OffsetTracker(0)
    asked = calls.add(("r.1", 1), Place(tracker, 0), 10)
    assert asked is not None
    assert calls.add(("r.1", 1), Place(tracker, 1), 10) is None
    assert (len(calls), calls.size) == (1, 10)
    assert [place.offset for place in calls.answered(("r.1", 1), asked)] == [0, 1]
    assert (len(calls), calls.size) == (0, 0)


def test_another_attempt_is_another_call() -> None:
    calls, tracker = OpenCalls(), OffsetTracker(0)
    assert calls.add(("r.1", 1), Place(tracker, 0))
    assert calls.add(("r.1", 2), Place(tracker, 1))


def test_a_queued_call_of_a_lost_partition_is_forgotten_and_may_come_again() -> None:
    calls, lost, again = OpenCalls(), OffsetTracker(0), OffsetTracker(0)
    first = calls.add(("r.1", 1), Place(lost, 0))
    assert first is not None
    lost.live = False
    assert calls.wish(("r.1", 1), first) is Wish.DROP
    second = calls.add(("r.1", 1), Place(again, 0))
    assert second is not None
    assert calls.wish(("r.1", 1), second) is Wish.BEGIN
    # Whoever drops the first life of it does not deal with the record of the second.
    assert calls.answered(("r.1", 1), first) == []
    assert len(calls) == 1


def test_a_call_of_a_lost_partition_that_came_back_is_still_wanted() -> None:
    calls, lost, again = OpenCalls(), OffsetTracker(0), OffsetTracker(0)
    asked = calls.add(("r.1", 1), Place(lost, 0))
    assert asked is not None
    lost.live = False
    calls.add(("r.1", 1), Place(again, 0))
    assert calls.wish(("r.1", 1), asked) is Wish.BEGIN
