"""The rulebook of this process: the registry topic, read from its beginning and followed."""

from __future__ import annotations

import logging
import threading
import time
from types import TracebackType
from typing import Self

from runfold.events.rulebook import Rulebook
from runfold.processors.definitions.record import fold
from runfold.processors.definitions.source import Arrived, RegistrySource, RegistryUnavailableError

_log = logging.getLogger(__name__)

_POLL_S = 0.2


class RulebookFollower:
    """Keeps the newest rulebook at hand; ``skipped`` counts records that could not be used.

    ``current`` is safe from any thread and never waits. A bad record is logged and left out.
    """

    def __init__(self, source: RegistrySource) -> None:
        self._source = source
        self._rulebook = Rulebook()
        self._moved = threading.Condition()
        self._closing = False
        self.skipped = 0
        self._thread = threading.Thread(target=self._follow, name="rulebook", daemon=True)
        self._thread.start()

    def current(self) -> Rulebook:
        """Return the newest rulebook at hand."""
        return self._rulebook

    def complete(self, timeout: float) -> Rulebook:
        """Return a rulebook that holds everything published before the call.

        Raises RegistryUnavailableError after ``timeout`` seconds.
        """
        until = time.monotonic() + timeout
        end = self._source.end(timeout)
        with self._moved:
            there = self._moved.wait_for(
                lambda: self._closing or self._rulebook.position >= end,
                max(0.0, until - time.monotonic()),
            )
        if not there or self._rulebook.position < end:
            raise RegistryUnavailableError(
                f"the registry was read to offset {self._rulebook.position} of {end} "
                f"in {timeout:.1f} s: try again"
            )
        return self._rulebook

    def catch_up(self, timeout: float) -> Rulebook:
        """Return the rulebook after reading what is published now, or after ``timeout`` seconds."""
        try:
            return self.complete(timeout)
        except RegistryUnavailableError as fault:
            _log.warning("going on with the rulebook at hand: %s", fault)
            return self._rulebook

    def wait_ready(self, timeout: float) -> None:
        """Return once the registry is read to its end; raises RegistryUnavailableError."""
        until = time.monotonic() + timeout
        while True:
            left = until - time.monotonic()
            try:
                self.complete(max(0.1, left))
            except RegistryUnavailableError:
                # The topic may be about to be created by another process.
                if until - time.monotonic() <= 0 or self._closing:
                    raise
                time.sleep(min(_POLL_S, max(0.0, left)))
            else:
                return

    def close(self) -> None:
        """Stop following; ``current`` goes on answering."""
        with self._moved:
            self._closing = True
            self._moved.notify_all()
        self._thread.join()

    def __enter__(self) -> Self:
        """Return the follower."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def _follow(self) -> None:
        try:
            while not self._closing:
                try:
                    arrived = self._source.poll(_POLL_S)
                    if arrived is not None:
                        self._take(arrived)
                except Exception:  # noqa: BLE001 - logged below, and tried again
                    # A follower that dies leaves a process that silently knows less and less.
                    _log.exception("following the registry failed; going on")
                    time.sleep(_POLL_S)
        finally:
            self._source.close()

    def _take(self, arrived: Arrived) -> None:
        rulebook, reason = self._rulebook.at(arrived.next_offset), arrived.fault
        if arrived.record is not None:
            rulebook, reason = fold(self._rulebook, arrived.record, arrived.next_offset - 1)
        if reason:
            self.skipped += 1
            _log.error("left out of the rulebook: %s", reason)
        with self._moved:
            self._rulebook = rulebook
            self._moved.notify_all()
