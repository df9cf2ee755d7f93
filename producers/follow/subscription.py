"""What a tail has for one follower: a bounded buffer that the tail never waits for."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from runfold.events.records.deltas import ModelDelta
from runfold.events.run import Event
from runfold.producers.log.port import Delivery

T = TypeVar("T")

Item = Event | ModelDelta | Exception
"""A record of the run, of the kind its tail reads, or why one cannot be read."""


class Buffer(Generic[T]):
    """Holds what was offered until it is taken, up to a limit; ``wake`` is called when there is.

    ``wake`` is called by the tail's thread and must return at once. ``positioned`` is done when
    the tail has its place in the log: everything committed after that will be offered.
    """

    def __init__(self, limit: int, wake: Callable[[], None], positioned: Future[None]) -> None:
        self.positioned = positioned
        self._limit = limit
        self._wake = wake
        self._lock = threading.Lock()
        self._held: deque[T] = deque()
        self._overrun = False

    def offer(self, item: T) -> None:
        """Take an item, or forget everything where more is held than fits; never wait."""
        with self._lock:
            if not self._overrun:
                self._held.append(item)
                self._overrun = len(self._held) > self._limit
            if self._overrun:
                self._held.clear()
        self._wake()

    def drain(self) -> list[T] | None:
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


class Subscription(Buffer[Item]):
    """The events of one run since it was made."""

    def __init__(
        self, run_id: str, limit: int, wake: Callable[[], None], positioned: Future[None]
    ) -> None:
        super().__init__(limit, wake, positioned)
        self.run_id = run_id


class Watch(Buffer[Delivery | Exception]):
    """The events of all runs of one tenant since it was made: of some types, all where None.

    An exception says that nothing more will come, and why.
    """

    def __init__(
        self,
        tenant_id: str,
        types: frozenset[str] | None,
        limit: int,
        wake: Callable[[], None],
        positioned: Future[None],
    ) -> None:
        super().__init__(limit, wake, positioned)
        self.tenant_id = tenant_id
        self.types = types

    def wants(self, event: Event) -> bool:
        """Return whether an event is one of those that are watched."""
        mine = event.meta.tenant_id == self.tenant_id
        return mine and (self.types is None or event.type in self.types)
