"""Time for whoever measures durations by times on record: it never jumps and never goes back.

The machine's clock says where it begins. From then on it goes by what passed. Where the machine's
clock is set, it goes a little faster or slower until both agree again: durations that were begun
before, such as time-outs and pauses, stay what they are to within those rates.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from runfold.infra.clock import reading

_log = logging.getLogger(__name__)

FOLLOWED = timedelta(seconds=1)
"""Differences that are followed at once, as far as they lie ahead: corrections of NTP."""

FASTER = 1.1
"""How fast it goes while the machine's clock is ahead of it."""

SLOWER = 0.8
"""How fast it goes while the machine's clock is behind it."""

_SAID = timedelta(seconds=5)


class SteadyClock:
    """Gives times in UTC; not to be shared by threads.

    ``wall`` reads the machine's clock, ``elapsed`` counts seconds.
    """

    def __init__(
        self,
        wall: Callable[[], datetime] = reading.wall,
        elapsed: Callable[[], float] = reading.elapsed,
    ) -> None:
        self._wall = wall
        self._elapsed = elapsed
        self._last, self._at = wall(), elapsed()

    def now(self) -> datetime:
        """Return the time."""
        wall, at = self._wall(), self._elapsed()
        passed = timedelta(seconds=max(0.0, at - self._at))
        self._last, self._at = _next(self._last, passed, wall), at
        return self._last

    def not_before(self, moment: datetime | None) -> None:
        """Go on from a moment that stands on record, where there is one and it is later."""
        if moment is not None:
            self._last = max(self.now(), moment)
        if self.ahead() > _SAID:
            _log.warning(
                "times on record are ahead of this machine's clock: time goes on from there, "
                "slower, until the clock has caught up",
                extra={"ahead_s": round(self.ahead().total_seconds(), 1)},
            )

    def ahead(self) -> timedelta:
        """Return how far this time is ahead of the machine's clock, below 0 where it is behind."""
        return self.now() - self._wall()


def _next(last: datetime, passed: timedelta, wall: datetime) -> datetime:
    ahead = last + passed - wall
    if abs(ahead) <= FOLLOWED:
        return max(last, wall)
    if ahead > timedelta(0):
        # It waits for nobody: standing still would put off what is due.
        return max(last + passed * SLOWER, wall)
    return min(last + passed * FASTER, wall)
