"""Folds that every kind of call shares: it is out, held for its next attempt, gone."""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType

from runfold.events import run as j
from runfold.processors.run.ids import outcome_of
from runfold.processors.run.state import CallStatus, Live, OpenCall, changed, loop_changed


def opened(run: Live, call: OpenCall) -> Live:
    """A call of the run's own is out; the first attempt takes the next number."""
    if call.attempt > 1:
        calls = tuple([call if each.call_id == call.call_id else each for each in run.loop.calls])
        return loop_changed(run, calls=calls)
    joined = loop_changed(run, calls=(*run.loop.calls, call))
    return changed(joined, next_call=run.next_call + 1)


def without(run: Live, call_id: str) -> tuple[OpenCall, ...]:
    """Return the open calls but one."""
    return tuple([call for call in run.loop.calls if call.call_id != call_id])


def with_call(run: Live, call_id: str, **changes: object) -> Live:
    """Return the run with some fields of one call changed."""
    return loop_changed(run, calls=calls_with(run, call_id, **changes))


def calls_with(run: Live, call_id: str, **changes: object) -> tuple[OpenCall, ...]:
    """Return the open calls, one of them changed."""
    return tuple(
        [changed(call, **changes) if call.call_id == call_id else call for call in run.loop.calls]
    )


def retry_scheduled(run: Live, fact: j.RetryScheduled, at: datetime) -> Live:
    """The call is held until its pause is over; what a failure had closed is open again."""
    call = run.loop.call(fact.call_id)
    if call is None:
        return run
    held: dict[str, object] = {"status": CallStatus.HELD, "due": fact.due}
    if call.answers_model:
        run = with_call(run, fact.call_id, **held, reply=None, is_error=False)
        closed = tuple(c for c in run.since_checkpoint.closed if c.call_id != fact.call_id)
        return changed(run, since_checkpoint=changed(run.since_checkpoint, closed=closed))
    return changed(with_call(run, fact.call_id, **held), counters=run.counters.plus("retries"))


def known(run: Live, **changes: object) -> Live:
    """Return the run with more, or less, known of attempts."""
    return changed(run, attempts=changed(run.attempts, **changes))


def lost(run: Live, call_id: str, attempt: int, name: str) -> Live:
    """An attempt ended without a cost: its result may still come and say one."""
    outcome = outcome_of(call_id, attempt)
    return known(run, lost=MappingProxyType({**run.attempts.lost, outcome: name}))


def found(run: Live, call_id: str, attempt: int) -> Live:
    """What an attempt cost is on record: it is lost no more."""
    outcome = outcome_of(call_id, attempt)
    if outcome not in run.attempts.lost:
        return run
    left = {name: called for name, called in run.attempts.lost.items() if name != outcome}
    return known(run, lost=MappingProxyType(left))
