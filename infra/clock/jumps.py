"""Noticing that a machine's clock was set: its time went by otherwise than time did."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from runfold.infra.clock import reading

BOUND_S = 5.0
"""How far the clock may be set between two looks without being said to have jumped."""

_QUICK_S = 0.5


class Jumps:
    """Says at each look how far the clock was set since the one before, in seconds."""

    def __init__(
        self,
        wall: Callable[[], datetime] = reading.wall,
        elapsed: Callable[[], float] = reading.elapsed,
        bound_s: float = BOUND_S,
    ) -> None:
        self._wall = wall
        self._elapsed = elapsed
        self._bound_s = bound_s
        self._apart = self._difference()

    def look(self) -> float:
        """Return by how much the clock jumped: ahead above 0, back below; 0.0 where it did not."""
        apart = self._difference()
        if apart is None:
            return 0.0
        before, self._apart = self._apart, apart
        jumped = 0.0 if before is None else apart - before
        return jumped if abs(jumped) > self._bound_s else 0.0

    def _difference(self) -> float | None:
        """Return the clock's time less what passed; None where reading both took too long."""
        began = self._elapsed()
        wall = self._wall().timestamp()
        # A process that was stopped between the readings has seen no jump.
        return wall - began if self._elapsed() - began < _QUICK_S else None


def said(jumped: float) -> str:
    """Return the sentence that says how far a clock jumped."""
    direction = "ahead" if jumped > 0 else "back"
    return (
        f"the machine's clock was set {direction} by {abs(jumped):.0f} s: durations go on as they "
        "were; let every machine keep its time by NTP"
    )
