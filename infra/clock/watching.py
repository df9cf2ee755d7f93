"""A thread that says once, in the log and in a metric, that the machine's clock was set."""

from __future__ import annotations

import logging
import threading

from runfold.infra.clock.jumps import Jumps, said
from runfold.infra.metrics.table import TABLE

_log = logging.getLogger(__name__)

_EVERY_S = 1.0

JUMPS = TABLE.counter(
    "runfold_clock_jumps",
    "times that this machine's clock was set by more than 5 s between two looks a second apart",
    ["direction"],
    process="run processor, pools, projector",
)


class ClockWatch(threading.Thread):
    """Looks every second until it is stopped."""

    def __init__(self, jumps: Jumps | None = None, every_s: float = _EVERY_S) -> None:
        super().__init__(name="clock-watch", daemon=True)
        self._jumps = jumps or Jumps()
        self._every_s = every_s
        self._ended = threading.Event()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()

    def run(self) -> None:
        """Look every now and then until stopped."""
        while not self._ended.wait(self._every_s):
            self.look()

    def look(self) -> None:
        """Say it where the clock has jumped since the look before."""
        jumped = self._jumps.look()
        if jumped:
            direction = "ahead" if jumped > 0 else "back"
            JUMPS(direction).inc()
            _log.warning(said(jumped), extra={"jumped_s": round(jumped, 1)})
