"""Ends the process when it stops making progress, so that its supervisor starts it again.

Group liveness is no proof of life: librdkafka's own threads keep the membership while Python
stands still, even when one call holds the interpreter. ``faulthandler`` watches from a thread
that needs no interpreter.
"""

from __future__ import annotations

import faulthandler
import time


class Watchdog:
    """Armed by every ``beat``; ``limit_s`` without one dumps all stacks and exits with code 1."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._armed_at = float("-inf")

    def beat(self) -> None:
        """Say that the process is alive; cheap enough for every turn of a loop."""
        now = time.monotonic()
        # Arming starts a thread, so not at every turn.
        if now - self._armed_at >= self._limit_s / 10:
            self._armed_at = now
            faulthandler.dump_traceback_later(self._limit_s, exit=True)

    def off(self) -> None:
        """Stop watching."""
        faulthandler.cancel_dump_traceback_later()
