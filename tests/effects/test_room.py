"""A pool that is full for a moment does not pause; one that stays full does, until half is left."""

from __future__ import annotations

from runfold.processors.effects.pool.backpressure import Backpressure


def test_a_pool_that_is_full_for_a_moment_waits_and_does_not_pause() -> None:
    room = Backpressure(4)
    room.note(3, now=10.0)
    assert (room.waits, room.paused) == (False, False)
    for moment in range(20):
        room.note(4, now=11.0 + moment)
        assert (room.waits, room.paused) == (True, False)
        room.note(3, now=11.1 + moment)
        assert (room.waits, room.paused) == (False, False)


def test_a_pool_that_stays_full_pauses_until_half_of_its_calls_are_answered() -> None:
    room = Backpressure(4)
    room.note(5, now=10.0)
    room.note(4, now=10.2)
    assert (room.waits, room.paused) == (True, False)
    for now, open_calls in ((10.3, 4), (20.0, 3)):
        room.note(open_calls, now)
        assert (room.waits, room.paused) == (False, True)
    room.note(2, now=20.1)
    assert (room.waits, room.paused) == (False, False)


def test_a_pool_that_fills_again_after_a_pause_waits_first() -> None:
    room = Backpressure(4)
    room.note(4, now=10.0)
    room.note(4, now=11.0)
    room.note(0, now=12.0)
    room.note(9, now=13.0)
    assert (room.waits, room.paused) == (True, False)
