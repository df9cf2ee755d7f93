"""Whether a call may begin: the question that a host asks when it could make a call now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from runfold.events.calls import CallWork

CallKey = tuple[str, int]
"""A call and an attempt."""

Wake = Callable[[CallKey], None]


class Gate(Protocol):
    """Asks the run of a call, at the moment of its beginning; all on the host's loop."""

    async def asked(self, work: CallWork) -> bool | None:
        """Return whether a call may begin; None where it is to stand back until it is woken.

        The question stays open then, so that an answer wakes the call; it is asked anew then.
        """

    def forget(self, work: CallWork) -> None:
        """Withdraw a question that nobody needs an answer to any more."""

    def wakes(self, wake: Wake) -> None:
        """Call this, on the host's loop, when a call that stood back should ask again."""


class GivenGate:
    """The twin of a gate whose answers are given by a function; ``questions`` holds all asked."""

    def __init__(self, answer: Callable[[CallWork], bool | None] = lambda _work: True) -> None:
        self.questions: list[CallKey] = []
        self.forgotten: list[CallKey] = []
        self.wake: Wake = lambda _key: None
        self._answer = answer

    async def asked(self, work: CallWork) -> bool | None:
        """Return the given answer."""
        self.questions.append((work.call_id, work.attempt))
        return self._answer(work)

    def forget(self, work: CallWork) -> None:
        """Note it."""
        self.forgotten.append((work.call_id, work.attempt))

    def wakes(self, wake: Wake) -> None:
        """Keep it for the test."""
        self.wake = wake
