"""Notices that nothing is sent although deliveries are due, and ends the process then.

Every look: 1. how many attempts there were; 2. the first delivery that is due and waits for no
earlier one of its run. Where both are the same at several looks in a row, sending has stalled.
Looks are counted, not seconds: a process that was frozen has not looked.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import psycopg

from runfold.infra.database.connection import Session
from runfold.processors.delivery import metrics
from runfold.processors.delivery.rows import Key
from runfold.processors.delivery.webhooks import store

_LOOKS = 4

_log = logging.getLogger("runfold.delivery")


class Sending(NamedTuple):
    """What a process sends: of which partitions, and how many attempts began or ended until now.

    ``aside`` are subscriptions of which nothing more is begun before an attempt of theirs is due.
    """

    partitions: tuple[int, ...]
    attempts: int
    aside: frozenset[Key]


class SendingWatch(threading.Thread):
    """Looks with a connection of its own, and calls ``stalled`` once, with the reason.

    ``sending`` is called from this thread; None where something else is waited for. ``after_s``
    has to be longer than any attempt.
    """

    def __init__(
        self,
        url: str,
        sending: Callable[[], Sending | None],
        after_s: float,
        stalled: Callable[[str], None],
    ) -> None:
        super().__init__(name="sending-watch", daemon=True)
        self._url, self._sending, self._after_s = url, sending, after_s
        self._stalled = stalled
        self._seen: tuple[int, int] | None = None
        self._looks = 0
        self._since = 0.0
        self._ended = threading.Event()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()

    def run(self) -> None:
        """Look every now and then until stopped or sending has stalled."""
        while not self._ended.wait(self._after_s / (_LOOKS + 1)):
            try:
                why = self._look()
            except psycopg.Error as error:
                # While nobody answers, silence proves nothing.
                self._see(None)
                _log.debug("no look at what is due: %s", error)
                continue
            if why:
                self._stalled(why)
                return

    def _look(self) -> str:
        now = self._sending()
        if now is None:
            self._see(None)
            return ""
        with Session.to(self._url) as session:
            first = store.first_due(session, now.partitions, now.aside)
        self._see(None if first is None else (first, now.attempts))
        again = self._sending()
        if first is None or self._looks < _LOOKS or again is None or again.attempts != now.attempts:
            return ""
        return (
            f"sending stalled: delivery {first} is due and waits for none before it, and no "
            f"attempt of any was made for {self._after_s:.0f} s"
        )

    def _see(self, seen: tuple[int, int] | None) -> None:
        before, self._seen = self._seen, seen
        self._looks = self._looks + 1 if seen is not None and seen == before else 0
        if seen is None or before is None or seen[0] != before[0]:
            self._since = time.monotonic()
        metrics.DUE().set(time.monotonic() - self._since if seen is not None else 0.0)
