"""What counting needs to remember of runs that have not ended: bounded, and lost with the process.

A run that began before this process did is counted all the same, under the agent ``unknown`` where
an event does not say it, and without the times that begin with an earlier event.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

UNKNOWN = "unknown"
_MOST_RUNS = 20_000


@dataclass(slots=True)
class OpenRun:
    """A run that has begun: its agent, and the moments that later events are measured from."""

    agent: str = UNKNOWN
    created: datetime | None = None
    requested: datetime | None = None
    acted: bool = False
    result_since: datetime | None = None
    steps_done: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
    approvals: dict[str, tuple[str, datetime]] = field(default_factory=dict)


class Memory:
    """The open runs, the oldest forgotten where there are too many."""

    def __init__(self, most: int = _MOST_RUNS) -> None:
        self._most = most
        self._runs: dict[str, OpenRun] = {}

    def of(self, run_id: str) -> OpenRun:
        """Return what is known of a run."""
        found = self._runs.get(run_id)
        if found is None:
            found = self._runs[run_id] = OpenRun()
            if len(self._runs) > self._most:
                del self._runs[next(iter(self._runs))]
        return found

    def forget(self, run_id: str) -> None:
        """Release a run that has ended."""
        self._runs.pop(run_id, None)
