"""Ends the process when it stops making progress, so that its supervisor starts it again.

Group liveness is no proof of life: librdkafka's own threads keep the membership while Python
stands still. A thread says what the process was doing and ends it. Where one call holds the
interpreter no thread runs: ``faulthandler``, which needs no interpreter, ends it a little later.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import threading
import time

_log = logging.getLogger(__name__)

EXIT_STUCK = 70
"""The exit code of a process that stood still: start it again."""

_HARD = 1.25


class Watchdog:
    """Armed by the first ``beat``; ``limit_s`` without another logs why, dumps all stacks, exits.

    One a process. The exit code is 70, or 1 where the interpreter was held.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._armed_at = float("-inf")
        self._last = (time.monotonic(), "starting")
        self._off = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def beat(self, doing: str = "the next turn of its loop") -> None:
        """Say that the process is alive and what it does next; cheap enough for every turn."""
        now = time.monotonic()
        self._last = (now, doing)
        # Arming starts a thread, so not at every turn.
        if now - self._armed_at >= self._limit_s / 10:
            self._armed_at = now
            faulthandler.dump_traceback_later(self._limit_s * _HARD, exit=True)
            if not self._thread.ident:
                self._thread.start()

    def off(self) -> None:
        """Stop watching."""
        self._off.set()
        faulthandler.cancel_dump_traceback_later()

    def _watch(self) -> None:
        while not self._off.wait(self._limit_s / 10):
            began, doing = self._last
            if time.monotonic() - began > self._limit_s:
                faulthandler.dump_traceback(file=sys.stderr)
                end_process(f"stuck in {doing} for more than {self._limit_s:.0f} s", EXIT_STUCK)


def end_process(why: str, code: int) -> None:
    """Say why, as the last line of the log, and end at once, whatever other threads do."""
    _log.critical("the process ends: %s", why)
    logging.shutdown()
    os._exit(code)
