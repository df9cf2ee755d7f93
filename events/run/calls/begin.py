"""What lies between the handing out of a call and its result: it waits, it cannot begin, it begins.

All three are facts from behaviour 6 on; before, a call counted as begun when it was handed out.
"""

from __future__ import annotations

from runfold.events.base import Fact, Said, Timestamp
from runfold.events.traits import CallMove, CallTrait, Tone, Traits
from runfold.events.values import Placement, RunStatus

__all__ = ["CallBegun", "CallHandedOutAgain", "CallHeld"]


class CallBegun(Fact):
    """A pool was told that it may make the call: from here on it may have happened.

    ``by`` is the process's name for itself; another one says that the first is believed dead.
    """

    traits = Traits(
        reads="{call_id:number} has begun",
        tone=Tone.QUIET,
        status=(RunStatus.WAITING_FOR_MODEL, RunStatus.RUNNING_TOOL),
        call=CallTrait(None, CallMove.BEGINS, "begun"),
    )

    call_id: str
    attempt: int
    kind: str
    by: str


class CallHeld(Fact):
    """An attempt could not begin, so nothing was done, and it does not count as a try.

    ``kind`` is that of the call, and ``code`` says in a word what it waits for, such as
    ``circuit_open``; the next attempt is handed out at ``due``. ``retry_after_ms`` is the pause
    that whoever could not begin it asked for.
    """

    traits = Traits(
        reads="{call_id:number} cannot begin yet: {reason}",
        tone=Tone.WARNING,
        status=(RunStatus.WAITING_FOR_MODEL, RunStatus.WAITING_FOR_TOOL),
        call=CallTrait(None, CallMove.HOLDS, "held"),
        moment="{code}, next in {delay_ms} ms",
    )

    call_id: str
    attempt: int
    kind: str
    code: str
    reason: Said
    due: Timestamp
    delay_ms: int
    retry_after_ms: int | None = None


class CallHandedOutAgain(Fact):
    """An attempt that nobody has begun was handed out once more: its work may have been lost.

    ``times`` counts how often it was handed out, this time included.
    """

    traits = Traits(
        reads="{call_id:number} has not begun, and is handed out again",
        tone=Tone.WARNING,
        status=(RunStatus.WAITING_FOR_MODEL, RunStatus.RUNNING_TOOL),
        moment="for the time {times}",
    )

    call_id: str
    attempt: int
    placement: Placement
    times: int
