"""How fast the calls of one key go, and when there would be room for another."""

from __future__ import annotations

_FRESH = 0.2
_FIRST_S = 1.0
_LEAST_S = 1.0
_MOST_S = 60.0


class Pace:
    """Learns how long calls take, and shares out moments at which those that were sent away return.

    Each that is sent away is told a moment of its own, one call's time after the one before: they
    come back as fast as there is room for them, and not all at once.
    """

    def __init__(self) -> None:
        self._took_s: float | None = None
        self._next = 0.0

    def took(self, seconds: float) -> None:
        """Learn from a call that ended."""
        known = self._took_s
        self._took_s = seconds if known is None else known + _FRESH * (seconds - known)

    def room_in_s(self, before: int, places: int, now: float) -> float:
        """Return the seconds until there may be room, with so many calls before this one.

        From 1 to 60: who waits for long asks again now and then, since the pace may change.
        """
        each = (_FIRST_S if self._took_s is None else self._took_s) / places
        self._next = min(max(self._next, now + before * each) + each, now + _MOST_S)
        return max(_LEAST_S, self._next - now)
