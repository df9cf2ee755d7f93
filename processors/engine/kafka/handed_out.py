"""The local work that one incarnation of a lane has handed out, and expects back."""

from __future__ import annotations

from collections.abc import Sequence

from runfold.events.base import Record
from runfold.processors.engine.kafka.inbox import Inbox
from runfold.processors.engine.ports import EffectHost


class HandedOut:
    """Counts work from the hand-out to its result, which goes to the incarnation's inbox.

    Once ``withdraw`` was called, a host that asks whether work is still ``wanted`` before it
    begins is told no: what has not begun need not be waited for.
    """

    def __init__(self, effects: EffectHost, inbox: Inbox) -> None:
        self._effects = effects
        self._inbox = inbox
        self._out = self._dropped = 0
        self._withdrawn = False

    def submit(self, works: Sequence[Record]) -> None:
        """Hand work out."""
        if works:
            self._out += len(works)
            self._effects.submit_many(works, self._inbox.deliver, self.wanted)

    def home(self) -> None:
        """Note a result."""
        self._out -= 1

    def withdraw(self) -> None:
        """Want no work that has not begun."""
        self._withdrawn = True

    def wanted(self) -> bool:
        """Return whether work may begin that had to wait; asked by the host's thread, for each."""
        if self._withdrawn or not self._inbox.is_open():
            self._dropped += 1
            return False
        return True

    def __len__(self) -> int:
        return max(0, self._out - self._dropped)
