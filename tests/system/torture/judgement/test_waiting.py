"""Each rule about waiting is seen to speak up on what was broken on purpose."""

from __future__ import annotations

from dataclasses import replace

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.values import ErrorInfo, Placement
from tests.deciders.given import RUN
from tests.spec import START
from tests.support.builders.stories import STORIES, written_history
from tests.system.oracle.histories import Entry, Histories
from tests.system.oracle.seen import Place, Raw
from tests.system.torture.judgement import waiting
from tests.system.torture.judgement.scan import Scanned
from tests.system.torture.simulation.ledger import BEGAN, Execution

CALL = f"{RUN}.2"


def told(*facts: Fact) -> Histories:
    """A run of these facts, one a second."""
    _, event = written_history(STORIES["is begun"])[0][0]
    entries = [
        Entry(Raw(Place("runs.events", 0, n), b"", b""), replace(event, fact=fact), b"")
        for n, fact in enumerate(facts)
    ]
    return Histories({RUN: entries}, frozenset({RUN}), ())


def times(read: Histories) -> list[Scanned]:
    return [Scanned(e.raw.place, float(n), b"", b"") for n, e in enumerate(read.runs[RUN])]


def started(attempt: int = 1, placement: Placement = Placement.POOL) -> j.ToolCallStarted:
    return j.ToolCallStarted(
        call_id=CALL,
        attempt=attempt,
        tool="world.try",
        placement=placement,
        idempotency_key="k",
        timeout_ms=1000,
    )


def begun(attempt: int = 1) -> j.CallBegun:
    return j.CallBegun(call_id=CALL, attempt=attempt, kind="tool", by="pool")


def failed(attempt: int = 1, error_type: str = "tool_error") -> j.ToolCallFailed:
    attribution = next(
        event.fact.attribution
        for _, event in written_history(STORIES["is begun"])[0]
        if isinstance(event.fact, j.ModelResponded)
    )
    return j.ToolCallFailed(
        call_id=CALL,
        attempt=attempt,
        tool="world.try",
        error=ErrorInfo(error_type=error_type, message="no", retryable=True),
        latency_ms=1,
        attribution=attribution,
    )


def entered(at: float, attempt: int = 1, pid: int = 1) -> Execution:
    return Execution("k", "world.try", RUN, CALL, attempt, BEGAN, pid, at)


AGAIN = j.RetryScheduled(call_id=CALL, attempt=2, due=START, delay_ms=50, reason="no")
CANCELLED = next(
    event.fact
    for _, event in written_history(STORIES["is cancelled"])[0]
    if isinstance(event.fact, j.RunCancelled)
)


def after_the_end(read: Histories, *rows: Execution, harmed: frozenset[int] = frozenset()) -> int:
    return len(list(waiting.nothing_after_the_end(rows, times(read), read, harmed)))


def test_what_had_not_begun_may_not_be_entered_after_the_end() -> None:
    read = told(started(), CANCELLED)
    assert after_the_end(read, entered(at=0.5)) == 0
    assert after_the_end(read, entered(at=60)) == 1
    local = told(started(placement=Placement.LOCAL), CANCELLED)
    assert after_the_end(local, entered(at=60)) == 1
    assert after_the_end(local, entered(at=60), harmed=frozenset({1})) == 0


def test_what_had_begun_may_not_be_entered_again_after_the_end() -> None:
    read = told(started(), begun(), CANCELLED)
    assert after_the_end(read, entered(at=60)) == 0
    assert after_the_end(read, entered(at=2.5), entered(at=60)) == 1


def not_made(read: Histories, *rows: Execution) -> list[str]:
    return list(waiting.no_attempt_that_was_not_made(rows, read))


def test_a_failure_of_what_had_not_begun_is_no_attempt() -> None:
    read = told(started(), failed(), AGAIN, started(2), begun(2), failed(2))
    (said,) = not_made(read, entered(1), entered(1, attempt=2))
    assert "attempt 1 failed or is in doubt, and had never begun" in said


def test_a_failure_of_a_tool_that_was_not_entered_is_no_attempt() -> None:
    read = told(started(), begun(), failed(), AGAIN, started(2), begun(2), failed(2))
    (said,) = not_made(read, entered(1, attempt=2))
    assert "attempt 1 failed, and its tool was never entered" in said
    assert not_made(told(started(), begun(), failed(error_type="process_died"), AGAIN)) == []


def test_whoever_gives_up_has_tried_as_often_as_it_may() -> None:
    (said,) = not_made(told(started(), begun(), failed()), entered(1))
    assert "given up after 1 of 2 tries" in said
    assert not_made(told(started(), begun(), failed(), CANCELLED), entered(1)) == []


def test_nothing_fails_for_what_is_away() -> None:
    assert list(waiting.only_away(told(started(), begun(), failed()))) == []
    assert list(waiting.only_away(told(started(), failed(error_type="circuit_open"))))


def test_the_waiting_beside_a_queue_is_within_twice_that_alone() -> None:
    many = waiting.MEASURED

    def said(alone: float, beside: float, count: int = many) -> list[str]:
        waited = {"alone": [alone] * count, "beside": [beside] * count}
        return list(waiting.neighbours_are_independent(waited))

    assert said(0.4, 0.7) == []
    assert said(0.01, 0.4) == []
    assert len(said(0.4, 0.9)) == 1
    assert len(said(0.4, 0.4, many - 1)) == 1
    assert list(waiting.neighbours_are_independent({})) == []
