"""What waits for a lane: bounded batches, never lingering, nothing for a former incarnation."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from runfold.processors.engine.core.inputs import Received, Returned
from runfold.processors.engine.kafka.inbox import Inbox
from tests.engine.toys import topics
from tests.engine.toys.job import result


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
    inbox.deliver(result("job-1", "job-1.1"))
    assert inbox.take(0, 10, 10) == [Returned(result("job-1", "job-1.1"))]
    inbox.close()
    assert not inbox.is_open()


class Moments:
    """Stands for the sleep of an inbox: so many items come in each moment that is waited."""

    def __init__(self, inbox: Inbox, arrivals: Sequence[int]) -> None:
        self._inbox = inbox
        self._arrivals = iter(arrivals)
        self.waited = 0

    def __call__(self, _: float) -> None:
        self.waited += 1
        for _ in range(next(self._arrivals, 0)):
            self._inbox.deliver(result("job-1", "job-1.1"))


@pytest.mark.parametrize(
    ("arrivals", "out", "taken", "waited"),
    [
        ((5,), 1, 1, 0),  # nothing else is expected
        ((2, 1, 5), 4, 4, 2),  # all that is expected is there
        ((1, 0, 7), 9, 2, 2),  # a moment brought nothing: the rest takes longer
        ((1,) * 100, 1000, 6, 5),  # more keeps coming
        ((9,), 100, 3, 1),  # the batch is full
    ],
)
def test_results_that_are_expected_join_the_first_one(
    monkeypatch: pytest.MonkeyPatch,
    arrivals: Sequence[int],
    out: int,
    taken: int,
    waited: int,
) -> None:
    inbox = Inbox()
    moments = Moments(inbox, arrivals)
    monkeypatch.setattr("runfold.processors.engine.kafka.inbox.time.sleep", moments)
    inbox.deliver(result("job-1", "job-1.1"))
    assert len(inbox.take(60, 3 if out == 100 else 500, 1000, out)) == taken
    assert moments.waited == waited


def test_nobody_waits_for_company_who_had_to_wait_for_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inbox = Inbox()
    moments = Moments(inbox, (5,))
    monkeypatch.setattr("runfold.processors.engine.kafka.inbox.time.sleep", moments)
    clock = iter((0.0, 0.5))
    monkeypatch.setattr("runfold.processors.engine.kafka.inbox.time.monotonic", lambda: next(clock))
    inbox.deliver(result("job-1", "job-1.1"))
    assert len(inbox.take(60, 500, 1000, 9)) == 1
    assert moments.waited == 0
