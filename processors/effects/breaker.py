"""A circuit breaker: after failures in a row, leave what failed alone for a while [134]."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable

_JITTER = 0.2


class Breaker:
    """Opens after ``failures`` failures in a row; after ``pause_s`` it lets one trial through.

    closed -- failures in a row --> open -- pause_s --> half-open -- success --> closed
                                      ^                     |
                                      +------ failure ------+

    Where several share it, as the tools of a server do, ``who`` names one of them. The failures of
    one count ``most_of_one`` at most, so that it takes others, too, to open it; and whose trial
    failed waits one pause longer for the next, so that one that is broken itself does not speak
    for all. ``opened`` is told when it opens. ``clock`` returns seconds that never run backwards,
    ``chance`` numbers from 0 to 1. Used from one event loop only.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        failures: int = 5,
        pause_s: float = 30.0,
        most_of_one: int | None = None,
        chance: Callable[[], float] = random.random,
        opened: Callable[[], object] = lambda: None,
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._opened = opened
        self._limit = failures
        self._most_of_one = failures if most_of_one is None else most_of_one
        self._pause = pause_s
        self._failures: dict[Hashable, int] = {}
        self._open_until: float | None = None
        self._trial_until: float | None = None
        self._tried: Hashable | None = None

    @property
    def at_rest(self) -> bool:
        """Whether it is closed and has seen no failure since the last success."""
        return self._open_until is None and not self._failures

    @property
    def is_open(self) -> bool:
        """Whether what it guards is left alone, or tried, and has not answered since."""
        return self._open_until is not None

    def look(self, who: Hashable = "") -> int | None:
        """Return None where a call might be made, else the milliseconds until that is worth a try.

        While a trial is out that is all the time that it may take, and a little more, so that those
        who wait do not come back together.
        """
        if self._open_until is None:
            return None
        if self._trial_until is not None:
            left = max(1.0, self._trial_until - self._clock())
            return int(left * (1 + _JITTER * self._chance()) * 1000)
        longer = self._pause if self._is_shared and who == self._tried else 0.0
        remaining = self._open_until + longer - self._clock()
        return max(1, int(max(remaining, 1.0) * 1000)) if remaining > 0 else None

    def admit(self, trial_s: float, who: Hashable = "") -> int | None:
        """Return None where a call is made now, else as ``look`` does; a trial may take so long.

        Every admitted call must be followed by ``succeeded``, ``failed`` or ``abandoned``.
        """
        pause = self.look(who)
        if pause is None and self._open_until is not None:
            self._trial_until = self._clock() + trial_s
            self._tried = who
        return pause

    def succeeded(self) -> None:
        """Record that it answered."""
        self._failures.clear()
        self._open_until = None
        self._trial_until = None
        self._tried = None

    def failed(self, who: Hashable = "") -> None:
        """Record that it did not."""
        if self._open_until is None:
            self._failures[who] = min(self._failures.get(who, 0) + 1, self._most_of_one)
            if sum(self._failures.values()) < self._limit:
                return
            self._opened()
        self._trial_until = None
        self._open_until = self._clock() + self._pause

    def abandoned(self) -> None:
        """Record that an admitted call ended without a word on its health."""
        self._trial_until = None
        self._tried = None

    @property
    def _is_shared(self) -> bool:
        return self._most_of_one < self._limit
