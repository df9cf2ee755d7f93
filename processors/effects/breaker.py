"""A circuit breaker: after failures in a row, leave a model or a tool alone for a while [134]."""

from __future__ import annotations

import random
from collections.abc import Callable

_JITTER = 0.2


class Breaker:
    """Opens after ``failures`` failures in a row; after ``pause_s`` it lets one trial through.

    closed -- failures in a row --> open -- pause_s --> half-open -- success --> closed
                                      ^                     |
                                      +------ failure ------+

    ``clock`` returns seconds that never run backwards, ``chance`` numbers from 0 to 1. Used from
    one event loop only.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        failures: int = 5,
        pause_s: float = 30.0,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._limit = failures
        self._pause = pause_s
        self._failures = 0
        self._open_until: float | None = None
        self._trial_until: float | None = None

    @property
    def at_rest(self) -> bool:
        """Whether it is closed and has seen no failure since the last success."""
        return self._open_until is None and self._failures == 0

    def look(self) -> int | None:
        """Return None where a call might be made, else the milliseconds until that is worth a try.

        While a trial is out that is all the time that it may take, and a little more, so that those
        who wait do not come back together.
        """
        if self._open_until is None:
            return None
        if self._trial_until is not None:
            left = max(1.0, self._trial_until - self._clock())
            return int(left * (1 + _JITTER * self._chance()) * 1000)
        remaining = self._open_until - self._clock()
        return max(1, int(max(remaining, 1.0) * 1000)) if remaining > 0 else None

    def admit(self, trial_s: float) -> int | None:
        """Return None where a call is made now, else as ``look`` does; a trial may take so long.

        Every admitted call must be followed by ``succeeded``, ``failed`` or ``abandoned``.
        """
        pause = self.look()
        if pause is None and self._open_until is not None:
            self._trial_until = self._clock() + trial_s
        return pause

    def succeeded(self) -> None:
        """Record that it answered."""
        self._failures = 0
        self._open_until = None
        self._trial_until = None

    def failed(self) -> None:
        """Record that it did not."""
        self._failures += 1
        self._trial_until = None
        if self._failures >= self._limit:
            self._open_until = self._clock() + self._pause

    def abandoned(self) -> None:
        """Record that an admitted call ended without a word on its health."""
        self._trial_until = None
