"""A breaker's leave to make one call, held from before the call is permitted until it has ended."""

from __future__ import annotations

from typing import Self

from runfold.processors.effects.breaker import Breaker
from runfold.processors.effects.holds import CannotBeginError


def left_alone(name: str) -> str:
    """Return why a call cannot begin whose breaker is open."""
    return f"{name} failed several times in a row and is left alone for a while"


class Admission:
    """Leave for one call, used as a context manager; raises CannotBeginError while there is none.

    Who does not say what came of the call has said nothing of its health.
    """

    def __init__(
        self, breaker: Breaker, name: str, trial_s: float, code: str = "circuit_open"
    ) -> None:
        pause = breaker.admit(trial_s)
        if pause is not None:
            raise CannotBeginError(code, left_alone(name), pause)
        self._breaker = breaker
        self._over = False

    def __enter__(self) -> Self:
        """Return the leave."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        if not self._over:
            self._over = True
            self._breaker.abandoned()

    def succeeded(self) -> None:
        """Record that it answered."""
        self._over = True
        self._breaker.succeeded()

    def failed(self) -> None:
        """Record that it did not."""
        self._over = True
        self._breaker.failed()
