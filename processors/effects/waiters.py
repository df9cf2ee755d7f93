"""A piece of work that is queued or in flight, and everybody who waits for what comes of it."""

from __future__ import annotations

import logging
from collections.abc import Hashable
from dataclasses import dataclass, field

from runfold.events.base import Record
from runfold.events.calls import CallWork
from runfold.processors.engine.ports import Deliver, Dropped, Wanted, Wish

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Waiter:
    """Somebody who handed the work out."""

    deliver: Deliver
    wanted: Wanted | None = None
    dropped: Dropped | None = None


@dataclass(slots=True)
class Awaited:
    """The work, when it came, in seconds of the monotonic clock, and the ``group`` of its places.

    ``woken`` says that it is to be asked about again although it is about to wait.
    """

    work: CallWork
    since: float
    waiters: list[Waiter] = field(default_factory=list)
    woken: bool = False
    group: Hashable = ""

    def wish(self) -> Wish:
        """Return what is wanted of it: it begins if anybody wants it to."""
        wishes = {
            waiter.wanted(self.work) if waiter.wanted is not None else Wish.BEGIN
            for waiter in self.waiters
        }
        return next(wish for wish in (Wish.BEGIN, Wish.WAIT, Wish.DROP) if wish in wishes)

    def deliver(self, result: Record) -> None:
        """Give the result to everybody; one who does not take it harms no other."""
        for waiter in self.waiters:
            try:
                waiter.deliver(result)
            except Exception:
                log.exception("the result of call %s could not be delivered", self.work.call_id)

    def drop(self) -> None:
        """Tell everybody that there will be no result."""
        for waiter in self.waiters:
            if waiter.dropped is None:
                continue
            try:
                waiter.dropped(self.work)
            except Exception:
                log.exception("nobody took that call %s is dropped", self.work.call_id)
