"""Where a run goes back to, and what happened since: nothing in the world is undone [33, 57]."""

from __future__ import annotations

from collections.abc import Sequence

from runfold.processors.run.state import Mark, Seen, Watch


def target(watch: Watch, detector: str, evidence: Sequence[str]) -> Mark | None:
    """Return the turn to go on from: the last before the evidence came to be, None for none.

    After a tainted call it is the last before strangers were read at all. Only turns count since
    which every call is remembered, because all of them are named to the model.
    """
    known = watch.seen - len(watch.calls)
    if detector == "tainted_call":
        turns = [mark for mark in watch.marks if not mark.tainted]
    else:
        numbers = [call.number for call in watch.calls if call.call_id in evidence]
        if not numbers:
            return None
        turns = [mark for mark in watch.marks if mark.seen < min(numbers)]
    return turns[-1] if turns and turns[-1].seen >= known else None


def since(watch: Watch, mark: Mark) -> str:
    """Return the calls that were made after a turn began: their numbers, tools and outcomes.

    Calls that only read, or that were denied, changed nothing.
    """
    made = [c for c in watch.calls if c.number > mark.seen and c.risk > 0 and c.outcome != "denied"]
    return "; ".join(_named(call) for call in made)


def _named(call: Seen) -> str:
    return f"{call.call_id.rpartition('.')[2]} {call.tool} {call.outcome}"
