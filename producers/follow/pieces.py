"""Pieces of answers as models write them: live, one tail a process, and nothing of them is kept.

Who listens has a small buffer; where more comes than it holds, all of it goes, and what comes then
is held again. No piece is needed: the whole answer is in the run's events.
"""

from __future__ import annotations

from collections.abc import Callable

from runfold.events.records.deltas import ModelDelta
from runfold.producers.errors import FatalError
from runfold.producers.follow.subscription import Subscription
from runfold.producers.follow.tail import Tail
from runfold.producers.log.port import LogReader

_LIMIT = 200


class Pieces:
    """Everybody of a process who listens to what models say; close it with the process."""

    def __init__(self, reader: LogReader, topic: str) -> None:
        self._tail = Tail(reader, topic, kind=ModelDelta, patience_s=0.0)

    def listen(self, run_id: str, tenant_id: str, wake: Callable[[], None]) -> Listener:
        """Return a listener of one run of a tenant; ``wake`` is called when there is something."""
        return Listener(self._tail, run_id, tenant_id, wake)

    def close(self) -> None:
        """Stop reading."""
        self._tail.close()


class Listener:
    """Pieces of one run's answers."""

    def __init__(self, tail: Tail, run_id: str, tenant_id: str, wake: Callable[[], None]) -> None:
        self._tail = tail
        self._tenant = tenant_id
        self._subscription: Subscription | None = None
        try:
            self._subscription = tail.subscribe(run_id, wake, _LIMIT)
        except FatalError:
            # The process ends: its events say so.
            return

    def drain(self) -> list[ModelDelta]:
        """Return what came, at once; nothing where the topic cannot be read."""
        held = self._subscription.drain() if self._subscription is not None else None
        # Whoever may write to the topic may write any run's id: the tenant decides.
        return [
            each
            for each in held or ()
            if isinstance(each, ModelDelta) and each.tenant_id == self._tenant
        ]

    def close(self) -> None:
        """Listen no longer."""
        if self._subscription is not None:
            self._tail.unsubscribe(self._subscription)
            self._subscription = None
