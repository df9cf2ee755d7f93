"""A pool that is full for a moment does not pause; one that stays full does, until half is left."""

from __future__ import annotations

from runfold.processors.effects.pool.backpressure import Backpressure


def test_a_pool_that_is_full_for_a_moment_waits_and_does_not_pause() -> None:
    room = Backpressure(4, 1_000)
    room.note(3, 0, now=10.0)
    assert (room.waits, room.paused) == (False, False)
    for moment in range(20):
        room.note(4, 0, now=11.0 + moment)
        assert (room.waits, room.paused) == (True, False)
        room.note(3, 0, now=11.1 + moment)
        assert (room.waits, room.paused) == (False, False)


def test_a_pool_that_stays_full_pauses_until_half_of_its_calls_are_answered() -> None:
    room = Backpressure(4, 1_000)
    room.note(5, 0, now=10.0)
    room.note(4, 0, now=10.2)
    assert (room.waits, room.paused) == (True, False)
    for now, open_calls in ((10.3, 4), (20.0, 3)):
        room.note(open_calls, 0, now)
        assert (room.waits, room.paused) == (False, True)
    room.note(2, 0, now=20.1)
    assert (room.waits, room.paused) == (False, False)


def test_a_pool_that_fills_again_after_a_pause_waits_first() -> None:
    room = Backpressure(4, 1_000)
    room.note(4, 0, now=10.0)
    room.note(4, 0, now=11.0)
    room.note(0, 0, now=12.0)
    room.note(9, 0, now=13.0)
    assert (room.waits, room.paused) == (True, False)


def test_a_pool_is_full_of_a_few_large_calls_as_well() -> None:
    room = Backpressure(4, 1_000)
    room.note(1, 1_000, now=10.0)
    assert (room.waits, room.paused) == (False, False)
    room.note(2, 1_001, now=11.0)
    assert (room.waits, room.paused) == (True, False)
    room.note(2, 1_001, now=12.0)
    room.note(1, 501, now=13.0)
    assert (room.waits, room.paused) == (False, True)
    room.note(1, 500, now=14.0)
    assert (room.waits, room.paused) == (False, False)
