"""How fast a run may make its calls: its tenant says so when it admits the run."""

from __future__ import annotations

from datetime import timedelta

from runfold.events import pacing
from runfold.events import run as j
from runfold.processors.run.draft import Draft


def must_wait(draft: Draft, kind: str) -> bool:
    """Whether the run's next call of a kind comes too early; how long it waits is on record once.

    The call is not handed out, so that nothing has to be given back where the run ends meanwhile.
    """
    pace = draft.run.entry.pace
    if pace is None or kind not in pace.per_minute or kind not in pace.stands:
        return False
    most, now = pace.per_minute[kind], draft.env.now
    due = pacing.free(pace.stands[kind], pacing.interval(most, pacing.MINUTE))
    if due <= now:
        return False
    if pace.until.get(kind) != due:
        delay = -(-(due - now) // timedelta(milliseconds=1))
        draft.say(j.CallsPaced(kind=kind, per_minute=most, due=due, delay_ms=delay))
    return True
