"""What the broker's time stamps say of this machine's clock: records that just came bear them.

A record is never younger than its stamp says. So a stamp in this clock's future shows that this
clock is behind. That it is ahead shows only where nothing younger comes: records may have waited.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime

from runfold.infra.clock import reading
from runfold.infra.clock.jumps import Jumps

WINDOW_S = 600.0
"""How long a stamp is evidence."""

APART_S = 300.0
"""How far the clocks may be apart without being said to be."""

_BUCKET_S = 60.0
_BUCKETS = 3


class Stamps:
    """Collects stamps as they come, in seconds since the epoch; not to be shared by threads."""

    def __init__(
        self,
        wall: Callable[[], datetime] = reading.wall,
        elapsed: Callable[[], float] = reading.elapsed,
    ) -> None:
        self._wall = wall
        self._elapsed = elapsed
        self._least: deque[tuple[int, float]] = deque()
        self._jumps = Jumps(wall, elapsed)

    def saw(self, stamp: float) -> None:
        """Take in the stamp of a record that has just come."""
        self._forget()
        now = self._elapsed()
        bucket, seen = int(now // _BUCKET_S), self._wall().timestamp() - stamp
        if self._least and self._least[-1][0] == bucket:
            self._least[-1] = bucket, min(seen, self._least[-1][1])
        else:
            self._least.append((bucket, seen))

    def ahead(self) -> float | None:
        """Return by how many seconds this clock is ahead of the broker's, at the most.

        Below 0 it is behind by so much, at the least. None where no record came of late.
        """
        self._forget()
        return min((seen for _, seen in self._least), default=None)

    def _forget(self) -> None:
        oldest = (self._elapsed() - WINDOW_S) // _BUCKET_S
        while self._least and self._least[0][0] < oldest:
            self._least.popleft()
        if self._jumps.look():
            # The broker's machine may be the same one.
            self._least.clear()

    def suspicion(self) -> str:
        """Return the sentence that says what is wrong with a clock, empty where nothing shows."""
        ahead = self.ahead()
        if ahead is None or abs(ahead) <= APART_S:
            return ""
        minutes = f"{abs(ahead) / 60:.0f} minutes"
        if ahead < 0:
            return (
                f"this machine's clock is at least {minutes} behind the broker's: one of both is "
                "wrong; let every machine keep its time by NTP"
            )
        if len(self._least) < _BUCKETS:
            return ""
        return (
            f"every request of the last {WINDOW_S / 60:.0f} minutes bears a time {minutes} or more "
            "before this machine's: its clock is ahead of the broker's, or requests wait that long "
            "for their lane; see runfold_lane_lag_records, and let every machine keep its time by "
            "NTP"
        )
