"""Whether a call may begin: the question that a host asks when it could make a call now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from runfold.events.calls import CallWork


class Gate(Protocol):
    """Asks the run of a call, at the moment of its beginning; all on the host's loop."""

    async def asked(self, work: CallWork) -> bool | None:
        """Return whether a call may begin; None where no answer came for a while.

        To ask again is the same question, and an answer that comes in between is not lost.
        """

    def forget(self, work: CallWork) -> None:
        """Withdraw a question that nobody needs an answer to any more."""


class GivenGate:
    """The twin of a gate whose answers are given by a function; ``questions`` holds all asked."""

    def __init__(self, answer: Callable[[CallWork], bool | None] = lambda _work: True) -> None:
        self.questions: list[tuple[str, int]] = []
        self.forgotten: list[tuple[str, int]] = []
        self._answer = answer

    async def asked(self, work: CallWork) -> bool | None:
        """Return the given answer."""
        self.questions.append((work.call_id, work.attempt))
        return self._answer(work)

    def forget(self, work: CallWork) -> None:
        """Note it."""
        self.forgotten.append((work.call_id, work.attempt))
