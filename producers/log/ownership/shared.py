"""The partitions that an ownership gives to this process, worked on as they come and go.

A change of partitions ends the worker of the old set, after what it has begun, and begins one of
the new set from positions that are kept. Who *should* work is what the ownership says; who *does*
is fenced by what the worker writes to (ADR 14).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from runfold.infra.process.stall import Positions
from runfold.producers.log.ownership.port import Ownership

_POLL_S = 0.1


class Worker(Protocol):
    """Works on a set of partitions; it is run once."""

    def run(self) -> None:
        """Work until stopped; raises what ended it, that it was overtaken among it."""

    def stop(self) -> None:
        """Let what is under way end and return from ``run``; from any thread."""

    def reading(self) -> Positions:
        """Return how far the log was received; nothing while something else is waited for."""


W = TypeVar("W", bound=Worker)


class _Session(threading.Thread, Generic[W]):
    """One worker and how it ended."""

    def __init__(self, worker: W, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.worker = worker
        self.error: Exception | None = None

    def run(self) -> None:
        """Work until stopped; what goes wrong is kept for the main thread."""
        try:
            self.worker.run()
        except Exception as error:  # noqa: BLE001 - the main thread raises it
            self.error = error

    def end(self) -> None:
        """Return when this session writes nothing more."""
        self.worker.stop()
        self.join()


class Shared(Generic[W]):
    """Has workers made for what ``ownership`` gives, until it is stopped.

    ``name`` is that of the workers, in logs. ``overtaken`` is the error of a worker whose
    partitions another process took. ``again_s`` says after how many seconds they are taken back,
    if they are still given to this process: None raises the error instead, for ownership by
    configuration, where two processes would take them from each other for ever.
    """

    def __init__(
        self,
        ownership: Ownership,
        make: Callable[[tuple[int, ...]], W],
        again_s: float | None,
        overtaken: type[Exception],
        name: str,
    ) -> None:
        self._ownership, self._make, self._again_s = ownership, make, again_s
        self._overtaken, self._name = overtaken, name
        self._log = logging.getLogger(f"runfold.{name}")
        self._session: _Session[W] | None = None
        self._begin_at: float | None = None
        self._stopping = threading.Event()
        self.stalled = ""

    def stop(self) -> None:
        """Let what is under way end and return from ``run``; from any thread."""
        self._stopping.set()

    def stall(self, why: str) -> None:
        """Do as ``stop`` does, because of this; from any thread."""
        self.stalled = why
        self.stop()

    def reading(self) -> Positions:
        """Return how far the log was received; nothing while something else is waited for."""
        worker = self.worker()
        return worker.reading() if worker is not None else {}

    def worker(self) -> W | None:
        """Return the worker of this moment; from any thread."""
        session = self._session
        return session.worker if session is not None else None

    def run(self) -> None:
        """Work until stopped; raises what ended a worker."""
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
            numbers = ",".join(map(str, partitions))
            self._log.info("%s: partitions %s", self._name, numbers)
            self._session = _Session(self._make(partitions), self._name)
            self._session.start()

    def _judge(self, error: Exception | None) -> None:
        if error is None:
            return
        if self._again_s is None or not isinstance(error, self._overtaken):
            raise error
        self._log.warning("another process took partitions of this one: %s", error)
        self._begin_at = time.monotonic() + self._again_s
