"""What is open for one subscription: which delivery may be sent next. It does no I/O.

Each run has a lane, and only the first delivery of a lane is sent; the lane of one that failed
waits, others go on. Few of the rows are held here, the others stay in the table:

    ready ──next──▶ flying ──ended──▶ ready, or the lane is done
      ▲                │
      └──── wake ── waiting ◀──failed

``cursor`` is the highest number that was seen: what is open and not held here is either above it
(``behind``), or of a lane of which there is ``more`` in the table, up to the number ``last``.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from runfold.processors.delivery.rows import Pending


@dataclass(slots=True)
class _Lane:
    rows: deque[Pending] = field(default_factory=deque)
    waiting: bool = False
    more: bool = False
    last: int = 0


class Queue:
    """The open deliveries of one subscription to one receiver.

    ``most`` bounds the rows that are held, ``most_waiting`` the lanes that wait for their next
    attempt: beyond either nothing more is loaded. ``window`` is how many may be under way: it
    shrinks by half with each failure and grows by one with each success, up to ``widest``.
    """

    def __init__(self, widest: int, most: int = 2_000, most_waiting: int = 5_000) -> None:
        self.widest, self.most, self.most_waiting = widest, most, most_waiting
        self.window = widest
        self.cursor = 0
        self.behind = False
        self.flying = 0
        self._lanes: dict[str, _Lane] = {}
        self._ready: deque[str] = deque()
        self._due: list[tuple[datetime, str]] = []
        self._waiting = 0
        self._held: set[int] = set()
        self._gone: set[int] | None = None

    def add(self, rows: Sequence[Pending]) -> None:
        """Take new rows, in order; where there is no room they are left in the table."""
        full = self._waiting >= self.most_waiting or len(self._held) + len(rows) > self.most
        if self.behind or full:
            self.behind = True
            return
        for row in rows:
            self._put(row)

    @property
    def wants(self) -> int:
        """How many rows are to be loaded: none while enough is held, or too much waits."""
        if not self.behind or self._waiting >= self.most_waiting or self._gone is not None:
            return 0
        room = self.most - len(self._held)
        return room if room >= self.most // 2 else 0

    def begin_loading(self) -> int:
        """Note that rows above ``cursor`` are being read; return it. ``fill`` ends it."""
        self._gone = set()
        return self.cursor

    def fill(self, rows: Iterable[Pending], *, complete: bool) -> None:
        """Take the rows that were read, in order; ``complete`` says that there were no more."""
        gone, self._gone = self._gone or set(), None
        for row in rows:
            if row.number not in self._held and row.number not in gone:
                self._put(row)
            self.cursor = max(self.cursor, row.number)
        self.behind = not complete

    def look_back(self, number: int) -> None:
        """Have everything above a number read again: somebody else has added to it."""
        self.cursor = min(self.cursor, number)
        self.behind = True

    @property
    def is_idle(self) -> bool:
        """Whether nothing is held, and nothing is left in the table."""
        return not (self._lanes or self.behind or self._gone is not None)

    @property
    def is_full(self) -> bool:
        """Whether so many runs wait that what is left in the table stays there."""
        return self._waiting >= self.most_waiting

    @property
    def waiting(self) -> int:
        """How many runs wait for the next attempt of a delivery."""
        return self._waiting

    def next(self) -> Pending | None:
        """Return what is to be sent now, None where nothing is, or the window is full."""
        if not self._ready or self.flying >= self.window:
            return None
        self.flying += 1
        return self._lanes[self._ready.popleft()].rows[0]

    def ended(self, row: Pending, *, well: bool = True) -> int | None:
        """Note that a delivery is over, well or given up.

        Where the next rows of its run are in the table, return up to which number they are to be
        read, and given to ``run_loaded``; None otherwise.
        """
        lane = self._landed(row)
        self.window = min(self.widest, self.window + 1) if well else max(1, self.window // 2)
        lane.rows.popleft()
        self._release((row,))
        if lane.rows:
            self._ready.append(row.run_id)
        elif lane.more:
            return self.cursor
        else:
            del self._lanes[row.run_id]
        return None

    def failed(self, row: Pending, due_at: datetime) -> None:
        """Note that a delivery failed and when it is tried again; later ones of its run wait."""
        lane = self._landed(row)
        self.window = max(1, self.window // 2)
        lane.rows.popleft()
        if lane.rows:
            lane.more, lane.last = True, max(lane.last, lane.rows[-1].number)
            self._release(lane.rows)
        lane.rows = deque((row._replace(attempts=row.attempts + 1, due_at=due_at),))
        self._wait(row.run_id, lane, due_at)

    def run_loaded(
        self, run_id: str, rows: Sequence[Pending], to: int, *, complete: bool
    ) -> int | None:
        """Take the next rows of a lane, read up to a number; return what ``ended`` does."""
        lane = self._lanes[run_id]
        lane.rows.extend(rows)
        self._held.update(row.number for row in rows)
        lane.more = not complete or lane.last > to
        if rows:
            self._begin(run_id, lane)
        elif lane.more:
            return self.cursor
        else:
            del self._lanes[run_id]
        return None

    def wake(self, now: datetime) -> None:
        """Let lanes go on whose time has come."""
        while self._due and self._due[0][0] <= now:
            due, run = heapq.heappop(self._due)
            lane = self._lanes.get(run)
            # What was hastened stands here once more.
            if lane is not None and lane.waiting and lane.rows[0].due_at == due:
                self._wakes(run, lane)

    def hasten(self, run_id: str, number: int) -> None:
        """Let a lane go on whose first delivery waits, and is to be tried now."""
        lane = self._lanes.get(run_id)
        if lane is not None and lane.waiting and lane.rows[0].number == number:
            self._wakes(run_id, lane)

    def _wakes(self, run_id: str, lane: _Lane) -> None:
        lane.waiting = False
        self._waiting -= 1
        self._ready.append(run_id)

    def _put(self, row: Pending) -> None:
        self.cursor = max(self.cursor, row.number)
        lane = self._lanes.get(row.run_id)
        if lane is not None and (lane.waiting or lane.more):
            lane.more, lane.last = True, max(lane.last, row.number)
            return
        self._held.add(row.number)
        if lane is None:
            lane = self._lanes[row.run_id] = _Lane(deque((row,)))
            self._begin(row.run_id, lane)
        else:
            lane.rows.append(row)

    def _begin(self, run_id: str, lane: _Lane) -> None:
        due = lane.rows[0].due_at
        if due is None:
            self._ready.append(run_id)
        else:
            self._wait(run_id, lane, due)

    def _wait(self, run_id: str, lane: _Lane, due: datetime) -> None:
        lane.waiting = True
        self._waiting += 1
        heapq.heappush(self._due, (due, run_id))

    def _landed(self, row: Pending) -> _Lane:
        self.flying -= 1
        return self._lanes[row.run_id]

    def _release(self, rows: Iterable[Pending]) -> None:
        numbers = [row.number for row in rows]
        self._held.difference_update(numbers)
        if self._gone is not None:
            self._gone.update(numbers)
