"""The definition store of this process: its topic, read from the beginning and followed."""

from __future__ import annotations

import logging
import threading
import time
from types import TracebackType
from typing import Self

from runfold.events.definitions import Definitions
from runfold.processors.definitions.record import fold
from runfold.processors.definitions.source import (
    Arrived,
    DefinitionLog,
    DefinitionStoreUnavailableError,
)

_log = logging.getLogger(__name__)

_POLL_S = 0.2


class DefinitionFollower:
    """Keeps the newest definitions; ``skipped`` counts records that could not be used.

    ``current`` is safe from any thread and never waits. A bad record is logged and left out.
    """

    def __init__(self, source: DefinitionLog) -> None:
        self._source = source
        self._definitions = Definitions()
        self._moved = threading.Condition()
        self._closing = False
        self.skipped = 0
        self._thread = threading.Thread(target=self._follow, name="definitions", daemon=True)
        self._thread.start()

    def current(self) -> Definitions:
        """Return the newest definitions that were read."""
        return self._definitions

    def complete(self, timeout: float) -> Definitions:
        """Return definitions that hold everything published before the call.

        Raises DefinitionStoreUnavailableError after ``timeout`` seconds.
        """
        until = time.monotonic() + timeout
        end = self._source.end(timeout)
        with self._moved:
            there = self._moved.wait_for(
                lambda: self._closing or self._definitions.position >= end,
                max(0.0, until - time.monotonic()),
            )
        if not there or self._definitions.position < end:
            raise DefinitionStoreUnavailableError(
                f"the definition store was read to offset {self._definitions.position} of {end} "
                f"in {timeout:.1f} s: try again"
            )
        return self._definitions

    def catch_up(self, timeout: float) -> Definitions:
        """Return the definitions after reading what is published now, within ``timeout`` s."""
        try:
            return self.complete(timeout)
        except DefinitionStoreUnavailableError as fault:
            _log.warning("going on with the definitions read so far: %s", fault)
            return self._definitions

    def wait_ready(self, timeout: float) -> None:
        """Return once the topic is read to its end; raises DefinitionStoreUnavailableError."""
        until = time.monotonic() + timeout
        while True:
            left = until - time.monotonic()
            try:
                self.complete(max(0.1, left))
            except DefinitionStoreUnavailableError:
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
                    _log.exception("following the definition store failed; going on")
                    time.sleep(_POLL_S)
        finally:
            self._source.close()

    def _take(self, arrived: Arrived) -> None:
        definitions, reason = self._definitions, arrived.fault
        if arrived.record is not None:
            definitions, reason = fold(definitions, arrived.record, arrived.next_offset - 1)
        elif arrived.next_offset > definitions.position:
            definitions = definitions.through(arrived.next_offset)
        if reason:
            self.skipped += 1
            _log.error("left out of the definitions: %s", reason)
        with self._moved:
            self._definitions = definitions
            self._moved.notify_all()
