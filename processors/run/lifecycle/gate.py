"""The one gate before every beginning of a call: shut while the run is to begin nothing.

A call begins in one of four ways, and each asks here: what follows by itself (``next_step``), a
deadline (``deadlines``), a pool that asks (``beginnings``), and this process, which is about to
begin what was handed out to it (``dispatch.wish``).
"""

from __future__ import annotations

from runfold.processors.run.behaviour import BY_GATE
from runfold.processors.run.state import Live

PAUSED = "paused"
"""The code of a call that was about to begin while its run was paused."""

AWAITS_MORE = "awaits_more"
"""The code of a call that was about to begin while its run had met a limit and waited for more."""


def shut(run: Live) -> str | None:
    """Return the code of why a run begins no call now, None where it may."""
    if run.idle.paused:
        return PAUSED
    if run.budget.more.met is not None and run.behaviour >= BY_GATE:
        return AWAITS_MORE
    return None
