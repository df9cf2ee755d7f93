"""What a tail has for one follower: a bounded buffer that the tail never waits for."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

from runfold.events.run import Event

Item = Event | Exception
"""An event of the run, or why one of its records cannot be read."""


class Subscription:
    """The events of one run since it was made; ``wake`` is called when there are new ones.

    ``wake`` is called by the tail's thread and must return at once. ``positioned`` is done when
    the tail has its place in the log: everything committed after that will be offered.
    """

    def __init__(
        self, run_id: str, limit: int, wake: Callable[[], None], positioned: Future[None]
    ) -> None:
        self.run_id = run_id
        self.positioned = positioned
        self._limit = limit
        self._wake = wake
        self._lock = threading.Lock()
        self._held: deque[Item] = deque()
        self._overrun = False

    def offer(self, item: Item) -> None:
        """Take an item, or forget everything where more is held than fits; never wait."""
        with self._lock:
            if not self._overrun:
                self._held.append(item)
                self._overrun = len(self._held) > self._limit
            if self._overrun:
                self._held.clear()
        self._wake()

    def drain(self) -> list[Item] | None:
        """Return what is held and hold it no longer; None, once, where some was forgotten.

        After None it holds again what comes: history read from then on has all that is missing.
        """
        with self._lock:
            if self._overrun:
                self._overrun = False
                return None
            held = list(self._held)
            self._held.clear()
            return held
