"""What follows from the result of a call, of whatever kind."""

from __future__ import annotations

from runfold.events.calls import CallResult, Outcome
from runfold.processors.run.agent.calls import beginnings
from runfold.processors.run.agent.calls.kinds import RULES, kind_of
from runfold.processors.run.agent.next_step import proceed
from runfold.processors.run.behaviour import BY_PERMISSION
from runfold.processors.run.draft import Draft
from runfold.processors.run.state import CallStatus

_OUT = frozenset({CallStatus.RUNNING, CallStatus.UNCERTAIN})


def take(draft: Draft, result: CallResult) -> None:
    """Record the result of the attempt that is out; of any other an effect or a cost is noted."""
    call = draft.run.loop.call(result.call_id)
    kind = kind_of(result, call)
    rules = RULES[kind]
    is_out = call is not None and call.kind == kind and call.status in _OUT
    if call is None or not is_out or call.attempt != result.attempt:
        rules.late(draft, result)
        return
    if call.status is CallStatus.UNCERTAIN and result.outcome is not Outcome.SUCCEEDED:
        # A failure may be that of the same work, redelivered: it does not say what the execution
        # did that is in doubt. A success does, because only one execution can report it.
        rules.late(draft, result)
        return
    if result.outcome is Outcome.HELD and draft.behaviour >= BY_PERMISSION:
        beginnings.could_not_begin(draft, call, result.error)
    elif result.outcome is Outcome.SUCCEEDED:
        rules.answered(draft, call, result)
    elif result.outcome is Outcome.UNCERTAIN and rules.doubted is not None:
        rules.doubted(draft, call, result)
    else:
        rules.failed(draft, call, result)
    proceed(draft)
