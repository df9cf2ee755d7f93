"""The runs that are live: where each stands, since when, and how long it may be silent."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from runfold.events.run import Meta
from runfold.events.values import TERMINAL, RunStatus

UNKNOWN = "unknown"

GRACE = timedelta(seconds=30)
"""How long after its own time-out an open call may still report."""


@dataclass(slots=True)
class OpenCall:
    """A model or tool call that is out or held; silent until ``due`` is no fault.

    ``allowed`` is how long it may take from its beginning.
    """

    dimension: str
    name: str
    due: datetime | None = None
    allowed: timedelta | None = None

    def until(self, begun: datetime) -> datetime | None:
        """Return when it is late, having begun then."""
        return self.due if self.allowed is None else begun + self.allowed


@dataclass(slots=True)
class LiveRun:
    """One live run, as its events tell it."""

    run_id: str
    tenant: str
    status: RunStatus
    seq: int
    last: datetime
    agent: str = UNKNOWN
    created: datetime | None = None
    requested: datetime | None = None
    calls: dict[str, OpenCall] = field(default_factory=dict)
    asked: dict[str, datetime] = field(default_factory=dict)
    slowed_until: datetime | None = None
    in_queue: bool = False
    asking: dict[str, str] = field(default_factory=dict)

    def waits_since(self) -> datetime | None:
        """Return since when a person has been waited for."""
        return min(self.asked.values(), default=None)

    def asks(self) -> str | None:
        """Return who is asked now about what waits longest, and until when; None where nobody is
        named.
        """
        oldest = min(self.asked, key=lambda call: self.asked[call], default="")
        return self.asking.get(oldest)

    def silent_until(self, allowed: Mapping[RunStatus, timedelta | None]) -> datetime | None:
        """Return until when it may be silent; None where it may for ever."""
        status = allowed.get(self.status)
        if status is None or (self.in_queue and self.status is RunStatus.QUEUED):
            # Its tenant has answered that it waits: until a budget's period turns, it may be weeks.
            return None
        dues = [call.due + GRACE for call in self.calls.values() if call.due]
        if self.slowed_until is not None:
            # A brake keeps its model from being called.
            dues.append(self.slowed_until + GRACE)
        return max([self.last + status, *dues])


MOST_ENDED = 50_000
"""How many ended runs are remembered unless a setting says otherwise."""


class Runs:
    """Knows each run's last sequence number, so that no event counts twice.

    Of the runs that have ended, the last ``most`` are remembered; ``forgotten`` counts those that
    made room within ``remembered``. A record of theirs that came once more would count again.
    """

    def __init__(self, remembered: timedelta, most: int = MOST_ENDED) -> None:
        self.live: dict[str, LiveRun] = {}
        self.gaps = 0
        self.forgotten = 0
        self._most = most
        self._remembered = remembered
        self._ended: OrderedDict[str, tuple[int, datetime]] = OrderedDict()

    def take(self, meta: Meta) -> LiveRun | None:
        """Return the event's run, brought up to it; None if the event was taken before."""
        run = self.live.get(meta.run_id)
        if run is None:
            if meta.run_id in self._ended:
                return None
            run = LiveRun(meta.run_id, meta.tenant_id, meta.status, meta.seq, meta.time)
            self.live[meta.run_id] = run
            return run
        if meta.seq <= run.seq:
            return None
        if meta.seq > run.seq + 1:
            self.gaps += 1
        run.seq, run.status, run.last = meta.seq, meta.status, meta.time
        return run

    def settle(self, run: LiveRun) -> None:
        """Let a run go that has ended."""
        if run.status in TERMINAL:
            del self.live[run.run_id]
            self._ended[run.run_id] = (run.seq, run.last)
            if len(self._ended) > self._most:
                self._ended.popitem(last=False)
                self.forgotten += 1

    def prune(self, now: datetime) -> None:
        """Forget runs that ended before every window."""
        while self._ended:
            run_id, (_, at) = next(iter(self._ended.items()))
            if at > now - self._remembered:
                return
            del self._ended[run_id]
