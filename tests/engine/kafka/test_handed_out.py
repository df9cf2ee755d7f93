"""What a lane expects back of its local work, while it works and when it is told to end."""

from __future__ import annotations

from collections.abc import Sequence

from runfold.events.base import Record
from runfold.processors.engine.kafka.handed_out import HandedOut
from runfold.processors.engine.kafka.inbox import Inbox
from runfold.processors.engine.ports import Deliver, Wanted


class Host:
    """Begins the first work at once; the others wait for room, and are asked for then."""

    def __init__(self) -> None:
        self.asked: list[Wanted] = []

    def submit_many(
        self, works: Sequence[Record], deliver: Deliver, wanted: Wanted | None = None
    ) -> None:
        assert wanted is not None
        self.asked += [wanted] * (len(works) - 1)


def handed_out(count: int) -> tuple[HandedOut, Host, Inbox]:
    host, inbox = Host(), Inbox()
    found = HandedOut(host, inbox)
    found.submit([Record()] * count)
    return found, host, inbox


def test_work_is_expected_back_until_it_is_home() -> None:
    out, host, _ = handed_out(3)
    out.submit([])
    assert [wanted() for wanted in host.asked] == [True, True]
    assert len(out) == 3
    out.home()
    assert len(out) == 2


def test_what_has_not_begun_is_not_waited_for_once_it_is_withdrawn() -> None:
    out, host, _ = handed_out(3)
    out.withdraw()
    # Whether the host drops it is known when it asks.
    assert len(out) == 3
    assert [wanted() for wanted in host.asked] == [False, False]
    assert len(out) == 1
    out.home()
    assert len(out) == 0


def test_an_incarnation_that_is_over_wants_nothing() -> None:
    _, host, inbox = handed_out(2)
    inbox.close()
    assert [wanted() for wanted in host.asked] == [False]
