"""What calls may still cost that nobody waits for any more, or that are out when a run ends."""

from __future__ import annotations

from runfold.events.tenant import Held
from runfold.processors.run.state import CallStatus, Live, OpenCall


def is_withdrawn(run: Live, call_id: str, attempt: int) -> bool:
    """Whether an attempt is waited for no more, and what it may cost is still set aside."""
    return _is_withdrawn(run, call_id) and attempt == _last_lost(run, call_id)


def _is_withdrawn(run: Live, call_id: str) -> bool:
    return call_id in run.budget.reservations and run.loop.call(call_id) is None


def _last_lost(run: Live, call_id: str) -> int:
    """Return the last attempt of a call whose result may still come, 0 where there is none."""
    named = (name.rpartition("/") for name in run.attempts.lost)
    return max((int(attempt) for of, _, attempt in named if of == call_id), default=0)


def at_stake(run: Live) -> tuple[Held, ...]:
    """Return what is set aside for calls that may still be paid for when the run ends now."""
    out = {call.call_id for call in run.loop.calls if _is_made(call)}
    return tuple(
        Held(call_id=call_id, amount=amount)
        for call_id, amount in sorted(run.budget.reservations.items())
        if amount and (call_id in out or _is_withdrawn(run, call_id))
    )


def _is_made(call: OpenCall) -> bool:
    """Whether somebody makes a call: one that a pool has not begun it may not begin any more."""
    return call.status is CallStatus.RUNNING and (not call.pooled or bool(call.beginning.by))
