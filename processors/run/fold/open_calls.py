"""Folds that every kind of call shares: it is out, held for its next attempt, gone."""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType
from typing import Any

from runfold.events import run as j
from runfold.events.values import Placement
from runfold.processors.run import behaviour
from runfold.processors.run.ids import after, outcome_of, timeout_at, unbegun_at
from runfold.processors.run.state import (
    Beginning,
    CallStatus,
    Live,
    ModelCall,
    OpenCall,
    RoundCall,
    changed,
    loop_changed,
)

MOST_TAKE_OVERS = 5
"""How many processes may begin one attempt after another, each with all of its time."""

Out = (
    j.ModelCalled
    | j.ToolCallStarted
    | j.ContextCalled
    | j.PolicyAsked
    | j.DryRunStarted
    | j.JudgeCalled
)
"""A fact that hands a call out."""


def handed_out(run: Live, fact: Out, at: datetime) -> dict[str, Any]:
    """Return what a call has after it was handed out."""
    pooled, timeout_ms = fact.placement is Placement.POOL, fact.timeout_ms
    found: dict[str, Any] = {"status": CallStatus.RUNNING, "attempt": fact.attempt}
    found["pooled"] = pooled
    if run.behaviour < behaviour.BY_PERMISSION:
        # It counts as begun.
        return {**found, "due": timeout_at(at, timeout_ms)}
    before = run.loop.call(fact.call_id)
    if fact.placement is Placement.RUN:
        # Nobody begins it but the run that is asked for, and its end is heard as its events are.
        held = before.beginning.held if before else 0
        begun = Beginning(by=(Placement.RUN,), handed_out=1, held=held, timeout_ms=timeout_ms)
        return {**found, "due": after(at, timeout_ms), "beginning": begun}
    return {
        **found,
        "due": unbegun_at(at, 1, timeout_ms, pooled=pooled),
        "beginning": Beginning(
            handed_out=1, held=before.beginning.held if before else 0, timeout_ms=timeout_ms
        ),
    }


def handed_out_again(run: Live, fact: j.CallHandedOutAgain, at: datetime) -> Live:
    """Somebody may begin the call now; it is waited for longer than before."""
    call = run.loop.call(fact.call_id)
    if call is None:
        return run
    out = changed(call.beginning, handed_out=fact.times)
    due = unbegun_at(at, out.handed_out, out.timeout_ms, pooled=call.pooled)
    return with_call(run, fact.call_id, beginning=out, due=due)


def begun(run: Live, fact: j.CallBegun, at: datetime) -> Live:
    """The call's time runs."""
    call = run.loop.call(fact.call_id)
    if call is None:
        return run
    known = changed(call.beginning, by=(*call.beginning.by, fact.by))
    # A call of which one after another dies has no more time for each further one.
    fresh = len(known.by) <= MOST_TAKE_OVERS
    due = timeout_at(at, known.timeout_ms) if fresh else call.due
    return with_call(run, fact.call_id, beginning=known, due=due)


def held(run: Live, fact: j.CallHeld, at: datetime) -> Live:
    """The call waits for its next attempt; this one was none, and is counted nowhere.

    Where one process had begun it and another, to which the work came again, could not, what the
    first may still report has a cost.
    """
    call = run.loop.call(fact.call_id)
    if call is None:
        return run
    if call.beginning.by:
        called = getattr(call, "tool", getattr(call, "model", run.pinned.model))
        run = lost(run, fact.call_id, fact.attempt, called)
    waits = with_call(
        run,
        fact.call_id,
        status=CallStatus.HELD,
        due=fact.due,
        beginning=changed(call.beginning, by=(), held=call.beginning.held + 1),
    )
    field = counted_as(call)
    return changed(waits, counters=run.counters.plus(field, -1)) if field else waits


def counted_as(call: OpenCall) -> str | None:
    """Return the counter that the handing out of a call's attempt went into."""
    if isinstance(call, ModelCall):
        return "model_calls"
    if isinstance(call, RoundCall):
        return "tool_calls" if call.tries == 1 else "retries"
    return None


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
