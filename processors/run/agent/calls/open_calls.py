"""The one way in which calls of every kind fail, are tried again, and come too late.

What differs between the kinds is a row in ``kinds.py``: how a call is begun, what its answer
means, what a lost one means, what is kept of a late result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.calls import CallResult
from runfold.events.definitions import RetryPolicy
from runfold.events.values import ErrorInfo
from runfold.processors.run.behaviour import BY_TENANT
from runfold.processors.run.draft import Draft
from runfold.processors.run.ids import after
from runfold.processors.run.state import CallStatus, OpenCall


@dataclass(frozen=True, slots=True)
class CallRules:
    """What a kind of call adds to the life that all have.

    ``begin`` hands the next attempt out; ``answered``, ``doubted`` and ``failed`` record a result
    of the attempt that is out, ``late`` one of any other; ``lost`` says what follows where no
    result came in time.
    """

    begin: Callable[[Draft, Any], None]
    answered: Callable[[Draft, Any, Any], None]
    failed: Callable[[Draft, Any, Any], None]
    lost: Callable[[Draft, Any], None]
    late: Callable[[Draft, Any], None]
    doubted: Callable[[Draft, Any, Any], None] | None = None


def retry_or(
    draft: Draft,
    call: OpenCall,
    failure: Fact,
    error: ErrorInfo,
    retry: RetryPolicy,
    give_up: Callable[[], None],
) -> None:
    """Record a failed attempt; try again after a pause where that pays, else give up."""
    draft.say(failure)
    if not error.retryable or call.tries >= retry.max_attempts or _spent(draft):
        give_up()
        return
    delay = max(retry.delay_ms(call.tries + 1), error.retry_after_ms or 0)
    draft.say(
        j.RetryScheduled(
            call_id=call.call_id,
            attempt=call.attempt + 1,
            due=after(draft.env.now, delay),
            delay_ms=delay,
            reason=error.message,
        )
    )


def _spent(draft: Draft) -> bool:
    """Whether the run's retries are used up, which is then on record behind the failure."""
    run = draft.run
    allowed = run.limits.max_retries
    if allowed is None or run.behaviour < BY_TENANT:
        return False
    # Of calls that a model proposed a retry is counted when it is handed out.
    coming = sum(c.status is CallStatus.HELD and c.tries > 0 for c in run.loop.round)
    used = run.counters.retries + coming
    if used < allowed:
        return False
    draft.say(
        j.LimitReached(
            limit="max_retries",
            used=str(used),
            allowed=str(allowed),
            action=draft.people("fail_the_call"),
        )
    )
    return True


def nothing_to_note(draft: Draft, result: CallResult) -> None:
    """Leave a late result: what the call did has no effect and no cost."""
