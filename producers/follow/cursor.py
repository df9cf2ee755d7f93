"""Where a follower is in a run: joins history and what comes, without gap or double. No I/O."""

from __future__ import annotations

from runfold.events.catalogue import TERMINAL_FACTS
from runfold.events.run import Event


class Cursor:
    """``last`` is the number of the last event that was taken, ``ended`` whether it was the end.

    ``tenant_id`` is None until an event of the run was seen. Events of a run are numbered without
    a gap, so their numbers alone say what is missing.
    """

    def __init__(self, after_seq: int = 0) -> None:
        self.last = after_seq
        self.ended = False
        self.tenant_id: str | None = None

    def takes(self, event: Event) -> bool:
        """Advance to an event of the history and return whether it is new."""
        self.tenant_id = event.meta.tenant_id
        # Also where a follower resumes after the end: nothing will come any more.
        self.ended = self.ended or isinstance(event.fact, TERMINAL_FACTS)
        if event.meta.seq <= self.last:
            return False
        self.last = event.meta.seq
        return True

    def misses_before(self, event: Event) -> bool:
        """Return whether events are missing between the last one and this one, which just came."""
        return event.meta.seq > self.last + 1
