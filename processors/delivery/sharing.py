"""The partitions that an ownership gives to this process, delivered for as they come and go."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from runfold.processors.delivery.delivery import Delivery
from runfold.processors.delivery.errors import Fenced
from runfold.producers.log.ownership.port import Ownership

_POLL_S = 0.1

_log = logging.getLogger("runfold.delivery")

Make = Callable[[tuple[int, ...]], Delivery]
"""Makes the delivery of a set of partitions; it is run once."""


class _Session(threading.Thread):
    """One delivery and how it ended."""

    def __init__(self, delivery: Delivery) -> None:
        super().__init__(name="delivery", daemon=True)
        self.delivery = delivery
        self.error: Exception | None = None

    def run(self) -> None:
        """Deliver until stopped; what goes wrong is kept for the main thread."""
        try:
            self.delivery.run()
        except Exception as error:  # noqa: BLE001 - the main thread raises it
            self.error = error


class SharedDelivery:
    """Delivers for what ``ownership`` gives, until it is stopped.

    ``again_s`` says after how many seconds partitions that another process took are taken back, if
    they are still given to this one: None raises Fenced instead.
    """

    def __init__(self, ownership: Ownership, make: Make, again_s: float | None) -> None:
        self._ownership, self._make, self._again_s = ownership, make, again_s
        self._session: _Session | None = None
        self._begin_at: float | None = None
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Let what is under way end and return from ``run``; from any thread."""
        self._stopping.set()

    def run(self) -> None:
        """Deliver until stopped; raises Fenced, or what ended a delivery."""
        self._ownership.start(self._given, self._taken)
        try:
            while not self._stopping.is_set():
                self._settle()
                self._ownership.poll(_POLL_S)
        finally:
            self._end()
            self._ownership.close()

    def _given(self, _partitions: Sequence[int]) -> None:
        self._begin_at = time.monotonic()

    def _taken(self, _partitions: Sequence[int]) -> None:
        # Others may begin with these as soon as this returns.
        self._end()
        self._begin_at = time.monotonic()

    def _settle(self) -> None:
        if self._session is not None and not self._session.is_alive():
            self._end()
        if self._begin_at is None or time.monotonic() < self._begin_at:
            return
        self._end()
        self._begin_at = None
        partitions = tuple(sorted(self._ownership.assigned()))
        if partitions:
            _log.info("delivering for partitions %s", ",".join(map(str, partitions)))
            self._session = _Session(self._make(partitions))
            self._session.start()

    def _end(self) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        session.delivery.stop()
        session.join()
        if session.error is None:
            return
        if self._again_s is None or not isinstance(session.error, Fenced):
            raise session.error
        _log.warning("another process took partitions of this one: %s", session.error)
        self._begin_at = time.monotonic() + self._again_s
