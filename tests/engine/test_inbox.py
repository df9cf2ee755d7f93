"""What waits for a lane: bounded batches, never lingering, nothing for a former incarnation."""

from __future__ import annotations

from events import topics
from processors.engine.inbox import Inbox
from processors.engine.inputs import Received, Returned
from tests.engine.toy import result


def received(offset: int, size: int = 1) -> Received:
    return Received(topics.CONTROLS, offset, b"k", b"x" * size, (), 0)


def test_a_batch_is_bounded_by_number_and_by_bytes() -> None:
    inbox = Inbox()
    for offset in range(5):
        inbox.put(received(offset, 10))
    assert len(inbox) == 5
    assert inbox.take(0, 2, 1000) == [received(0, 10), received(1, 10)]
    assert inbox.take(0, 10, 15) == [received(2, 10), received(3, 10)]
    assert inbox.take(0, 10, 15) == [received(4, 10)]


def test_an_empty_inbox_gives_nothing_and_a_wake_ends_a_wait() -> None:
    inbox = Inbox()
    assert inbox.take(0, 10, 10) == []
    inbox.wake()
    assert inbox.take(60, 10, 10) == []


def test_results_are_delivered_and_a_closed_inbox_says_so() -> None:
    inbox = Inbox()
    assert inbox.is_open()
    inbox.deliver(result("run-1", "run-1.1"))
    assert inbox.take(0, 10, 10) == [Returned(result("run-1", "run-1.1"))]
    inbox.close()
    assert not inbox.is_open()
