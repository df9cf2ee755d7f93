"""What was read of runs a moment ago, so that who asks again is read what came since.

The journal only grows and an event of it never changes. So what was read up to an offset holds, and
the rest lies behind that offset. It is kept for a minute after it was read whole: a topic that was
deleted and made again meanwhile is read anew then.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from runfold.events.run import Event

_KEPT_S = 60.0
_MOST_BYTES = 16_000_000
_OBJECT_BYTES = 2_000
"""What an event takes in memory beside its bytes, about."""


@dataclass(slots=True)
class Known:
    """A run's events up to ``reached``, the next offset of its partition; ``size`` is in bytes."""

    partition: int
    reached: int
    since: float
    events: list[Event] = field(default_factory=list)
    size: int = 0

    def adds(self, event: Event, size: int) -> bool:
        """Take the next event; return False for one that does not follow."""
        if self.events:
            last = self.events[-1].meta
            if event.meta.seq != last.seq + 1 or event.meta.tenant_id != last.tenant_id:
                return False
        self.put(event, size)
        return True

    def put(self, event: Event, size: int) -> None:
        """Take an event as the log has it, of so many bytes."""
        self.events.append(event)
        self.size += size + _OBJECT_BYTES


class RememberedRuns:
    """Keeps what was read of the last runs, so many bytes in all; used by one thread at a time."""

    def __init__(
        self, most: int = _MOST_BYTES, elapsed: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self.elapsed = elapsed
        self._runs: OrderedDict[str, tuple[Known, int]] = OrderedDict()
        self._size = 0

    def known(self, run_id: str, ends: Mapping[int, int]) -> Known | None:
        """Return what is known of a run, None where it must be read whole.

        That is also where its partition ends before what was read: it was made again.
        """
        if run_id not in self._runs:
            return None
        found, _ = self._runs[run_id]
        if self.elapsed() - found.since > _KEPT_S or found.reached > ends.get(found.partition, -1):
            self.forget(run_id)
            return None
        return found

    def keep(self, run_id: str, read: Known) -> None:
        """Keep what was read; the run that was asked for longest ago makes room."""
        self.forget(run_id)
        if read.size > self._most // 4:
            # One run must not push out all others.
            return
        self._runs[run_id] = read, read.size
        self._size += read.size
        while self._size > self._most:
            _, (_, size) = self._runs.popitem(last=False)
            self._size -= size

    def forget(self, run_id: str) -> None:
        """Have nothing of a run."""
        if (found := self._runs.pop(run_id, None)) is not None:
            self._size -= found[1]
