"""What a lane takes at once is bounded in bytes, whatever it is."""

from __future__ import annotations

from runfold.processors.engine.core.inputs import Received
from runfold.processors.engine.core.parked_copy import ParkedCopy, Sleeper
from runfold.processors.engine.kafka.inputs.inbox import Inbox, Waiting


def received(size: int) -> Received:
    return Received("t", 0, b"k", b"x" * size, (), 0)


def copied(size: int) -> ParkedCopy:
    return ParkedCopy(Sleeper("k", 0, 1, 1), ((1, (b"x" * size,)),))


def test_records_and_copies_are_taken_until_they_are_many_bytes() -> None:
    for kind in (received, copied):
        inbox = Inbox()
        items: list[Waiting] = [kind(60) for _ in range(5)]
        for item in items:
            inbox.put(item)
        assert [len(inbox.take(0, 10, 100)) for _ in range(4)] == [2, 2, 1, 0]
