"""A circuit breaker: after failures in a row, leave a provider alone for a while [134]."""

from __future__ import annotations

from collections.abc import Callable


class Breaker:
    """Opens after ``failures`` failures in a row; after ``pause_s`` it lets one trial through.

    closed -- failures in a row --> open -- pause_s --> half-open -- success --> closed
                                      ^                     |
                                      +------ failure ------+

    ``clock`` returns seconds that never run backwards. Used from one event loop only.
    """

    def __init__(self, clock: Callable[[], float], *, failures: int = 5, pause_s: float = 30.0):
        self._clock = clock
        self._limit = failures
        self._pause = pause_s
        self._failures = 0
        self._open_until: float | None = None
        self._trial = False

    def admit(self) -> int | None:
        """Return None where a call may be made, else the milliseconds until the next trial.

        Every admitted call must be followed by ``succeeded``, ``failed`` or ``abandoned``.
        """
        if self._open_until is None:
            return None
        remaining = self._open_until - self._clock()
        if remaining > 0 or self._trial:
            return max(1, int(max(remaining, 1.0) * 1000))
        self._trial = True
        return None

    def succeeded(self) -> None:
        """Record that the provider answered."""
        self._failures = 0
        self._open_until = None
        self._trial = False

    def failed(self) -> None:
        """Record that the provider did not."""
        self._failures += 1
        self._trial = False
        if self._failures >= self._limit:
            self._open_until = self._clock() + self._pause

    def abandoned(self) -> None:
        """Record that an admitted call ended without a word on the provider's health."""
        self._trial = False
