"""The partitions that an ownership gives to this process, projected as they come and go.

A change of partitions ends the projector of the old set, after its batch, and begins one of the
new set from the positions in Postgres. Who *should* project is what the ownership says; who *does*
is the newest epoch (ADR 14).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from runfold.infra.process.stall import Positions
from runfold.producers.log.ownership.port import Ownership
from runfold.projections.errors import Fenced
from runfold.projections.store.projector import Projector

_log = logging.getLogger(__name__)

_POLL_S = 0.1

Make = Callable[[tuple[int, ...]], Projector]
"""Makes the projector of a set of partitions; it is run once."""


class _Session(threading.Thread):
    """One projector and how it ended."""

    def __init__(self, projector: Projector) -> None:
        super().__init__(name="projector", daemon=True)
        self.projector = projector
        self.error: Exception | None = None

    def run(self) -> None:
        """Project until stopped; what goes wrong is kept for the main thread."""
        try:
            self.projector.run()
        except Exception as error:  # noqa: BLE001 - the main thread raises it
            self.error = error

    def end(self) -> None:
        """Return when this session writes nothing more."""
        self.projector.stop()
        self.join()


class SharedProjector:
    """Projects what ``ownership`` gives, until it is stopped.

    ``again_s`` says after how many seconds partitions that another projector took are taken back,
    if they are still given to this process: None raises Fenced instead, for ownership by
    configuration, where two processes would take them from each other for ever.
    """

    def __init__(self, ownership: Ownership, make: Make, again_s: float | None = None) -> None:
        self._ownership, self._make, self._again_s = ownership, make, again_s
        self._session: _Session | None = None
        self._begin_at: float | None = None
        self._stopping = threading.Event()
        self.stalled = ""

    def stop(self) -> None:
        """Finish the batch that is being written and return from ``run``; from any thread."""
        self._stopping.set()

    def stall(self, why: str) -> None:
        """Do as ``stop`` does, because of this; from any thread."""
        self.stalled = why
        self.stop()

    def reading(self) -> Positions:
        """Return how far the log was received; nothing while something else is waited for."""
        session = self._session
        return session.projector.reading() if session is not None else {}

    def run(self) -> None:
        """Project until stopped; raises Fenced, or what ended a projector."""
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

    def _end(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.end()
            self._judge(session.error)

    def _settle(self) -> None:
        """Notice what ended by itself, and begin what is due."""
        if self._session is not None and not self._session.is_alive():
            self._end()
        if self._begin_at is None or time.monotonic() < self._begin_at:
            return
        self._end()
        self._begin_at = None
        partitions = tuple(sorted(self._ownership.assigned()))
        if partitions:
            _log.info("projecting partitions %s", ",".join(map(str, partitions)))
            self._session = _Session(self._make(partitions))
            self._session.start()

    def _judge(self, error: Exception | None) -> None:
        if error is None:
            return
        if self._again_s is None or not isinstance(error, Fenced):
            raise error
        _log.warning("another projector took partitions of this one: %s", error)
        self._begin_at = time.monotonic() + self._again_s
